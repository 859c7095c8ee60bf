"""`apps keys`: the public keys by which an application's own servers sign login tokens."""

from typing import Annotated

import msgspec
import typer

from parlour.contracts.commands import AddLoginKey, AnyCommand, ListLoginKeys, LoginKeys, RemoveLoginKey

from .commands import run_command
from .options import Json

App = Annotated[int, typer.Argument(help="Application id.")]
PEM_READ = 4096
"""Characters read of a file that should hold about 120."""


def group() -> typer.Typer:
    """The verbs below `apps keys`."""
    verbs = typer.Typer(no_args_is_help=True, help="Public keys that sign login tokens: add, list, remove.")
    verbs.command("add")(add)
    verbs.command("list")(list_)
    verbs.command("remove")(remove)
    return verbs


def add(
    app: App,
    file: Annotated[typer.FileText, typer.Argument(help="PEM file of an Ed25519 public key; - reads stdin.")],
    kid: Annotated[str, typer.Option(help="Its name in a token's header; empty: the start of its digest.")] = "",
    json: Json = False,
) -> None:
    """Take login tokens signed with this key."""
    _show(app, AddLoginKey(file.read(PEM_READ), kid), json)


def list_(app: App, json: Json = False) -> None:
    """List the keys of an application."""
    _show(app, ListLoginKeys(), json)


def remove(app: App, kid: Annotated[str, typer.Argument(help="The key's name.")], json: Json = False) -> None:
    """Refuse what this key signed."""
    _show(app, RemoveLoginKey(kid), json)


def _show(app: int, body: AnyCommand, json: bool) -> None:
    keys = run_command(app, body, LoginKeys).keys
    if json:
        typer.echo(msgspec.json.encode(keys).decode())
        return
    for key in keys:
        typer.echo(f"{key.kid:<20} {key.public_key}")
