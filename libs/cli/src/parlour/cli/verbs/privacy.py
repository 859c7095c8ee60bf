"""`privacy`: erase a person from the record, or hold it."""

import asyncio
from typing import Annotated

import msgspec
import typer

from parlour.contracts.commands import AnyCommand, EraseUser, Erasure, Holds, ListHolds, PlaceHold, ReleaseHold

from ..confirm import Yes, confirm
from ..target import nats_url
from .options import App, Json

User = Annotated[str, typer.Option(help="User id.")]
Room = Annotated[str, typer.Option(help="Room id: all who appear in its record, over all its lives.")]
WITHIN_S = 30.0
SAID = {
    "erased": "erased: the key is gone, and with it every name and text of this person",
    "waiting": "waiting: a hold covers this person; it is done when the hold ends",
    "unknown": "nobody of this name is on the record",
}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
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
    found = msgspec.json.decode(asyncio.run(_ask(app, EraseUser(user))), type=Erasure)
    typer.echo(msgspec.json.encode(found).decode() if json else SAID[found.outcome])
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
    asyncio.run(_ask(app, PlaceHold(user, room, reason)))
    typer.echo(_named("held", user, room, json))


def release(app: App, user: User = "", room: Room = "", json: Json = False) -> None:
    """End a hold; erasures that waited behind it are done now."""
    asyncio.run(_ask(app, ReleaseHold(user, room)))
    typer.echo(_named("released", user, room, json))


def _named(done: str, user: str, room: str, json: bool) -> str:
    """What was done to whom, for people or for programs."""
    if json:
        return msgspec.json.encode({"done": done, **({"userID": user} if user else {"room": room})}).decode()
    return f"{done}: {f'user {user}' if user else f'room {room}'}"


def holds(app: App, json: Json = False) -> None:
    """Print what is held."""
    raw = asyncio.run(_ask(app, ListHolds()))
    if json:
        typer.echo(raw.decode())
        return
    found = msgspec.json.decode(raw, type=Holds)
    for kind, names in (("user", found.users), ("room", found.rooms)):
        for name in names:
            typer.echo(f"{kind}  {name}")
    typer.echo(f"{found.waiting} erasures wait")


async def _ask(app: int, body: AnyCommand) -> bytes:
    from ..ask import ask, connected

    async with connected(nats_url()) as bus:
        return bytes(await ask(bus, app, body, msgspec.Raw, within_s=WITHIN_S))
