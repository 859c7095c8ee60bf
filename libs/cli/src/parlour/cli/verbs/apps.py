"""`token`, `revoke`, `issuer` and `apps`: what `auth` knows."""

import os
from typing import Annotated

import msgspec
import typer

from parlour.contracts import commands as cmd
from parlour.contracts.subscriptions import SCOPES

from ..supervise.plan import KEY_VARIABLE
from .options import App, AppArgument, Json
from .printing import SECOND, print_found, print_rows, utc
from .suite import run_command

SECRET_READ = 4096
"""Characters read of a file that should hold a secret of 32, or a key of about 120."""
ANY_APP = 1
"""The app in the subject of commands that create or list apps; its value does not matter."""

verbs = typer.Typer()
apps = typer.Typer(no_args_is_help=True, help="Applications: create, list, rotate a secret.")
keys = typer.Typer(no_args_is_help=True, help="Public keys that sign login tokens: add, list, remove.")
apps.add_typer(keys, name="keys")
verbs.add_typer(apps, name="apps")


@verbs.command()
def token(
    app: App,
    user: Annotated[str, typer.Option(help="User id that the token is for; needed but with --subscribe.")] = "",
    room: Annotated[str, typer.Option(help="Only this room.")] = "",
    ttl: Annotated[int, typer.Option(help="Seconds it is valid.", min=1)] = 86_400,
    subscribe: Annotated[bool, typer.Option("--subscribe", help="A signed token for readers outside.")] = False,
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help=f"With --subscribe: {', '.join(SCOPES)}.")
    ] = None,
    signed: Annotated[bool, typer.Option("--signed", help="A signed login token in place of a token04.")] = False,
    json: Json = False,
) -> None:
    """Print a token, alone on its line."""
    if subscribe:
        scopes = tuple(scope or ("events",))
        subscription = cmd.IssueSubscription(room=room, user_id=user, scopes=scopes, ttl_s=ttl)
        made = run_command(app, subscription, cmd.SubscriptionMade)
    elif scope or not user:
        raise typer.BadParameter("--scope needs --subscribe" if scope else "a token to log in with needs --user")
    else:
        kind = cmd.IssueLoginToken if signed else cmd.IssueToken
        made = run_command(app, kind(user_id=user, room=room, ttl_s=ttl), cmd.TokenMade)
    print_found(made, json, made.token)


@verbs.command()
def revoke(
    app: App,
    jti: Annotated[str, typer.Option(help="The one token with this id.")] = "",
    user: Annotated[str, typer.Option(help="All tokens for this user.")] = "",
    room: Annotated[str, typer.Option(help="All tokens for this room.")] = "",
    json: Json = False,
) -> None:
    """Refuse signed tokens from now on; readers that use them are cut."""
    run_command(app, cmd.RevokeSubscriptions(jti=jti, user_id=user, room=room), object)
    named = {name: value for name, value in (("jti", jti), ("userID", user), ("room", room)) if value}
    which = f"token {jti}" if jti else f"tokens for user {user}" if user else f"tokens for room {room}"
    print_found(named, json, f"revoked: {which}")


@verbs.command()
def issuer() -> None:
    """Print the public key that NATS's configuration names for readers outside, as PARLOUR_MASTER_KEY gives it."""
    from parlour.runtime.settings import parse_key
    from parlour.runtime.signing.nats_keys import Issuer

    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise typer.BadParameter(f"{KEY_VARIABLE} is not set: it holds the suite's master key")
    try:
        typer.echo(Issuer(parse_key(key)).public)
    except ValueError as error:
        raise typer.BadParameter(f"{KEY_VARIABLE} {error}") from None


@apps.command()
def create(
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    app: Annotated[int, typer.Option(help="Application id; 0 draws one.")] = 0,
    secret_file: Annotated[
        typer.FileText | None,
        typer.Option(
            help="File with the ServerSecret that token servers use already, 32 characters; - reads it from stdin."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make an application and print its secret, unless it was given; it is not shown again."""
    secret = "" if secret_file is None else secret_file.read(SECRET_READ).strip()
    if secret_file is not None and not secret:
        raise typer.BadParameter("the file holds no secret", param_hint="--secret-file")
    made = run_command(app or ANY_APP, cmd.CreateApp(app=app, name=name, secret=secret), cmd.AppDescription)
    if secret and made.secret != secret:
        typer.echo(f"app {made.app} exists already and keeps the secret that it has", err=True)
        raise typer.Exit(1)
    _show(msgspec.structs.replace(made, secret="as given") if secret else made, json)


@apps.command("list")
def list_(json: Json = False) -> None:
    """List the applications with their names."""
    found = run_command(ANY_APP, cmd.ListApps(), cmd.Apps).apps
    print_rows(found, json, ("app", "made", "name"), lambda one: (one.app, utc(one.created_s * SECOND), one.name))


@apps.command()
def rotate(
    app: AppArgument,
    overlap: Annotated[int, typer.Option(help="Seconds that the old secret stays valid.", min=0)] = 86_400,
    json: Json = False,
) -> None:
    """Give an application a new secret beside the old one."""
    _show(run_command(app, cmd.RotateSecret(app=app, overlap_s=overlap), cmd.AppDescription), json)


@apps.command("set")
def set_(
    app: AppArgument,
    require_signed: Annotated[
        bool | None, typer.Option("--require-signed/--no-require-signed", help="Refuse every token04.")
    ] = None,
    login_tokens: Annotated[
        str, typer.Option(help="any; ordered: a token04 begins with app_id and user_id; signed: as --require-signed.")
    ] = "",
    privileges: Annotated[
        str, typer.Option(help="enforced: a token04's payload restricts it; text: it is the app's own text.")
    ] = "",
    on_expiry: Annotated[
        str, typer.Option(help="end: who is in a room when the token ends is put out; keep: stays in it.")
    ] = "",
    json: Json = False,
) -> None:
    """Set rules of an application, and print them all."""
    if require_signed is not None:
        if login_tokens:
            raise typer.BadParameter("--require-signed says what --login-tokens says: give one of the two")
        login_tokens = "signed" if require_signed else "any"
    rules = run_command(app, cmd.SetAppRules(login_tokens, privileges, on_expiry), cmd.AppRules)
    lines = [f"{rule.replace('_', '-'):<13} {value}" for rule, value in msgspec.structs.asdict(rules).items()]
    print_found(rules, json, "\n".join(lines))


@keys.command("add")
def add_key(
    app: AppArgument,
    file: Annotated[typer.FileText, typer.Argument(help="PEM file of an Ed25519 public key; - reads stdin.")],
    kid: Annotated[str, typer.Option(help="Its name in a token's header; empty: the start of its digest.")] = "",
    json: Json = False,
) -> None:
    """Take login tokens signed with this key."""
    _show_keys(app, cmd.AddLoginKey(file.read(SECRET_READ), kid), json)


@keys.command("list")
def list_keys(app: AppArgument, json: Json = False) -> None:
    """List the keys of an application."""
    _show_keys(app, cmd.ListLoginKeys(), json)


@keys.command("remove")
def remove_key(
    app: AppArgument, kid: Annotated[str, typer.Argument(help="The key's name.")], json: Json = False
) -> None:
    """Refuse what this key signed."""
    _show_keys(app, cmd.RemoveLoginKey(kid), json)


def _show_keys(app: int, body: cmd.AnyCommand, json: bool) -> None:
    found = run_command(app, body, cmd.LoginKeys).keys
    if json or found:
        print_found(found, json, "\n".join(f"{key.kid:<20} {key.public_key}" for key in found))


def _show(found: cmd.AppDescription, json: bool) -> None:
    print_found(found, json, f"app     {found.app}\nname    {found.name}\nsecret  {found.secret}")
