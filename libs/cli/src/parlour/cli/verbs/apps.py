"""`token` and `apps`: what `auth` knows."""

import os
from typing import Annotated

import msgspec
import typer

from parlour.contracts.commands import (
    AppDescription,
    AppRules,
    Apps,
    CreateApp,
    IssueLoginToken,
    IssueSubscription,
    IssueToken,
    ListApps,
    RevokeSubscriptions,
    RotateSecret,
    SetAppRules,
    SubscriptionMade,
    TokenMade,
)
from parlour.contracts.subscriptions import SCOPES

from ..supervise.plan import KEY_VARIABLE
from . import app_keys
from .commands import run_command
from .options import App, Json
from .printing import print_json, print_table
from .times import SECOND, utc

SECRET_READ = 4096
"""Characters read of a file that should hold 32."""
ANY_APP = 1
"""The app in the subject of commands that create or list apps; its value does not matter."""


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    app.command()(token)
    app.command()(revoke)
    app.command()(issuer)
    group = typer.Typer(no_args_is_help=True, help="Applications: create, list, rotate a secret.")
    group.command("create")(create)
    group.command("list")(list_)
    group.command("rotate")(rotate)
    group.command("set")(set_)
    group.add_typer(app_keys.group(), name="keys")
    app.add_typer(group, name="apps")


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
        command = IssueSubscription(room=room, user_id=user, scopes=tuple(scope or ("events",)), ttl_s=ttl)
        _show_token(run_command(app, command, SubscriptionMade), json)
        return
    if scope or not user:
        raise typer.BadParameter("--scope needs --subscribe" if scope else "a token to log in with needs --user")
    if signed:
        _show_token(run_command(app, IssueLoginToken(user_id=user, room=room, ttl_s=ttl), TokenMade), json)
        return
    _show_token(run_command(app, IssueToken(user_id=user, room=room, ttl_s=ttl), TokenMade), json)


def revoke(
    app: App,
    jti: Annotated[str, typer.Option(help="The one token with this id.")] = "",
    user: Annotated[str, typer.Option(help="All tokens for this user.")] = "",
    room: Annotated[str, typer.Option(help="All tokens for this room.")] = "",
    json: Json = False,
) -> None:
    """Refuse signed tokens from now on; readers that use them are cut."""
    run_command(app, RevokeSubscriptions(jti=jti, user_id=user, room=room), object)
    if json:
        named = {"jti": jti, "userID": user, "room": room}
        typer.echo(msgspec.json.encode({name: value for name, value in named.items() if value}).decode())
        return
    typer.echo(
        f"revoked: {f'token {jti}' if jti else f'tokens for user {user}' if user else f'tokens for room {room}'}"
    )


def issuer() -> None:
    """Print the public key that NATS's configuration names for readers outside, as PARLOUR_MASTER_KEY gives it."""
    from parlour.runtime.settings import parse_key
    from parlour.runtime.signing.nats_keys import Issuer

    key = os.environ.get(KEY_VARIABLE, "")
    try:
        typer.echo(Issuer(parse_key(key)).public)
    except ValueError as error:
        raise typer.BadParameter(f"{KEY_VARIABLE} {error}") from None


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
    made = run_command(app or ANY_APP, CreateApp(app=app, name=name, secret=secret), AppDescription)
    if secret and made.secret != secret:
        typer.echo(f"app {made.app} exists already and keeps the secret that it has", err=True)
        raise typer.Exit(1)
    _show_one(msgspec.structs.replace(made, secret="as given") if secret else made, json)


def list_(json: Json = False) -> None:
    """List the applications with their names."""
    apps = run_command(ANY_APP, ListApps(), Apps).apps
    if json:
        print_json(*apps)
        return
    print_table(("app", "made", "name"), [(str(one.app), utc(one.created_s * SECOND), one.name) for one in apps])


def rotate(
    app: Annotated[int, typer.Argument(help="Application id.")],
    overlap: Annotated[int, typer.Option(help="Seconds that the old secret stays valid.", min=0)] = 86_400,
    json: Json = False,
) -> None:
    """Give an application a new secret beside the old one."""
    _show_one(run_command(app, RotateSecret(app=app, overlap_s=overlap), AppDescription), json)


def set_(
    app: Annotated[int, typer.Argument(help="Application id.")],
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
    rules = run_command(app, SetAppRules(login_tokens, privileges, on_expiry), AppRules)
    if json:
        typer.echo(msgspec.json.encode(rules).decode())
        return
    for rule, value in msgspec.structs.asdict(rules).items():
        typer.echo(f"{rule.replace('_', '-'):<13} {value.replace('_', '-')}")


def _show_one(found: AppDescription, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        typer.echo(f"app     {found.app}\nname    {found.name}\nsecret  {found.secret}")


def _show_token(made: TokenMade | SubscriptionMade, json: bool) -> None:
    typer.echo(msgspec.json.encode(made).decode() if json else made.token)
