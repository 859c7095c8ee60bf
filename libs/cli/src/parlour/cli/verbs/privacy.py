"""`privacy`: erase a person from the record, or hold it."""

from typing import Annotated

import typer

from parlour.contracts.commands import EraseUser, Erasure, Holds, ListHolds, PlaceHold, ReleaseHold

from .options import App, Json, Yes, confirm
from .printing import print_found
from .suite import run_command

User = Annotated[str, typer.Option(help="User id.")]
HeldRoom = Annotated[str, typer.Option(help="Room id: all users who appear in its record, in all its calls.")]
COMMAND_TIMEOUT_S = 30.0
OUTCOMES = {
    "erased": "erased: the key is gone, and with it every name and text of this person",
    "waiting": "waiting: a hold covers this person; it is done when the hold ends",
    "unknown": "nobody of this name is on the record",
}

verbs = typer.Typer(
    name="privacy", no_args_is_help=True, help="Erase a person from the record; hold it against erasure."
)


@verbs.command()
def erase(
    user: Annotated[str, typer.Argument(help="User id.")], app: App, yes: Yes = False, json: Json = False
) -> None:
    """Destroy a person's key. There is no way back. Exit code 1 where nobody of this name is on the record."""
    confirm(f"Erase {user} from the record of app {app}?", yes)
    found = run_command(app, EraseUser(user), Erasure, timeout_s=COMMAND_TIMEOUT_S)
    print_found(found, json, OUTCOMES[found.outcome], failed=found.outcome == "unknown")


@verbs.command()
def hold(
    app: App,
    user: User = "",
    room: HeldRoom = "",
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    json: Json = False,
) -> None:
    """Let nobody be erased whom this covers."""
    run_command(app, PlaceHold(user, room, reason), object, timeout_s=COMMAND_TIMEOUT_S)
    _print_done("held", user, room, json)


@verbs.command()
def release(app: App, user: User = "", room: HeldRoom = "", json: Json = False) -> None:
    """End a hold; erasures that waited behind it are done now."""
    run_command(app, ReleaseHold(user, room), object, timeout_s=COMMAND_TIMEOUT_S)
    _print_done("released", user, room, json)


@verbs.command()
def holds(app: App, json: Json = False) -> None:
    """Print what is held."""
    found = run_command(app, ListHolds(), Holds, timeout_s=COMMAND_TIMEOUT_S)
    lines = [f"{kind}  {name}" for kind, names in (("user", found.users), ("room", found.rooms)) for name in names]
    print_found(found, json, "\n".join([*lines, f"{found.waiting} erasures wait"]))


def _print_done(done: str, user: str, room: str, json: bool) -> None:
    named = {"userID": user} if user else {"room": room}
    print_found({"done": done, **named}, json, f"{done}: {f'user {user}' if user else f'room {room}'}")
