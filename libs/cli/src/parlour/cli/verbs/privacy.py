"""`privacy`: erase a person from the record, or hold it."""

from typing import Annotated

import msgspec
import typer

from parlour.contracts.commands import EraseUser, Erasure, Holds, ListHolds, PlaceHold, ReleaseHold

from .commands import run_command
from .confirm import Yes, confirm
from .options import App, Json

User = Annotated[str, typer.Option(help="User id.")]
Room = Annotated[str, typer.Option(help="Room id: all users who appear in its record, in all its calls.")]
COMMAND_TIMEOUT_S = 30.0
OUTCOMES = {
    "erased": "erased: the key is gone, and with it every name and text of this person",
    "waiting": "waiting: a hold covers this person; it is done when the hold ends",
    "unknown": "nobody of this name is on the record",
}


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    group = typer.Typer(no_args_is_help=True, help="Erase a person from the record; hold it against erasure.")
    group.command()(erase)
    group.command()(hold)
    group.command()(release)
    group.command()(holds)
    app.add_typer(group, name="privacy")


def erase(
    user: Annotated[str, typer.Argument(help="User id.")], app: App, yes: Yes = False, json: Json = False
) -> None:
    """Destroy a person's key. There is no way back. Exit code 1 where nobody of this name is on the record."""
    confirm(f"Erase {user} from the record of app {app}?", yes)
    found = run_command(app, EraseUser(user), Erasure, timeout_s=COMMAND_TIMEOUT_S)
    typer.echo(msgspec.json.encode(found).decode() if json else OUTCOMES[found.outcome])
    if found.outcome == "unknown":
        raise typer.Exit(1)


def hold(
    app: App,
    user: User = "",
    room: Room = "",
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    json: Json = False,
) -> None:
    """Let nobody be erased whom this covers."""
    run_command(app, PlaceHold(user, room, reason), object, timeout_s=COMMAND_TIMEOUT_S)
    typer.echo(_confirmation("held", user, room, json))


def release(app: App, user: User = "", room: Room = "", json: Json = False) -> None:
    """End a hold; erasures that waited behind it are done now."""
    run_command(app, ReleaseHold(user, room), object, timeout_s=COMMAND_TIMEOUT_S)
    typer.echo(_confirmation("released", user, room, json))


def _confirmation(done: str, user: str, room: str, json: bool) -> str:
    if json:
        return msgspec.json.encode({"done": done, **({"userID": user} if user else {"room": room})}).decode()
    return f"{done}: {f'user {user}' if user else f'room {room}'}"


def holds(app: App, json: Json = False) -> None:
    """Print what is held."""
    found = run_command(app, ListHolds(), Holds, timeout_s=COMMAND_TIMEOUT_S)
    if json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for kind, names in (("user", found.users), ("room", found.rooms)):
        for name in names:
            typer.echo(f"{kind}  {name}")
    typer.echo(f"{found.waiting} erasures wait")
