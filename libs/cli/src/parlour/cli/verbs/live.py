"""`live`: what the services and relays hold of a room at this moment, beside what the record says."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .options import App, Json
from .target import nats_url

if TYPE_CHECKING:
    from ..operator.live_state import LiveState

Room = Annotated[str, typer.Argument(help="Room id.")]


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    app.command()(live)


def live(room: Room, app: App, json: Json = False) -> None:
    """Compare the services' memories and the relays' tables with the record. Exit code 1 where they differ."""
    found = asyncio.run(_live(room, app))
    differences = found.differences()
    if json:
        typer.echo(msgspec.json.encode({**msgspec.structs.asdict(found), "differences": differences}).decode())
    else:
        typer.echo(f"{room}: {len(found.record.sessions)} sessions, {len(found.record.streams)} streams on the record")
        for line in differences or ["the room service, the registry and the relays agree with the record"]:
            typer.echo(f"  {line}")
    if differences:
        raise typer.Exit(1)


async def _live(room: str, app: int) -> "LiveState":
    from ..operator.connection import connect
    from ..operator.live_state import read_live_state

    async with connect(nats_url()) as bus:
        return await read_live_state(bus, app, room)
