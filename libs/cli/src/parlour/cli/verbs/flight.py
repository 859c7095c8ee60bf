"""`flight`: what the relays decided about packets in the last ten seconds, as their flight recorders have it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ..target import nats_url
from .options import App, Json

if TYPE_CHECKING:
    from parlour.contracts.relay import FlightLog, FlightRun
    from parlour.runtime.messaging.bus import Bus

Room = Annotated[str, typer.Argument(help="Room id: every transport of its streams.")]
Transport = Annotated[str, typer.Option(help="One transport, instead of a room.")]
Node = Annotated[str, typer.Option(help="The transport's relay node.")]
ANSWER_WITHIN_S = 5.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(flight)


def flight(app: App, room: Room = "", transport: Transport = "", node: Node = "relay", json: Json = False) -> None:
    """Print what became of each packet of the last ten seconds, on each transport of a room or on one."""
    if bool(room) == bool(transport):
        raise typer.BadParameter("give a room, or --transport with --node")
    asyncio.run(_flight(room, app, transport, node, json))


async def _flight(room: str, app: int, transport: str, node: str, json: bool) -> None:
    from ..ask import connected

    async with connected(nats_url()) as bus:
        wanted = of_room(bus, app, room) if room else _alone(node, transport)
        found = False
        async for place, each in wanted:
            found = True
            log = await read(bus, place, each)
            typer.echo(msgspec.json.encode(log).decode() if json else _text(log))
    if not found:
        typer.echo(f"no relay carries a stream of {room} now", err=True)
        raise typer.Exit(1)


async def _alone(node: str, transport: str) -> AsyncIterator[tuple[str, str]]:
    yield node, transport


async def of_room(bus: "Bus", app: int, room: str) -> AsyncIterator[tuple[str, str]]:
    """(node, transport) of whatever carries a stream of the room."""
    from ..history import Room as Log
    from ..livestate import transports_on

    state = await Log(bus, app, room).state()
    streams = {stream.stream_id for stream in state.streams}
    for place in sorted({stream.node for stream in state.streams}):
        async for found in transports_on(bus, place):
            carried = {bound.stream_id for bound in (*found.publishes, *found.plays)}
            if found.app == app and carried & streams:
                yield place, found.transport_id


async def read(bus: "Bus", node: str, transport: str) -> "FlightLog":
    """One transport's last ten seconds."""
    from parlour.contracts import subjects
    from parlour.contracts.relay import FlightLog, ReadFlight

    subject = subjects.relay_command(node, "flight")
    return await bus.request(subject, ReadFlight(transport), FlightLog, ANSWER_WITHIN_S)


def _text(log: "FlightLog") -> str:
    head = f"{log.node} {log.transport_id}  session {log.owner}  {len(log.runs)} runs"
    return "\n".join([head, *map(_line, log.runs)])


def _line(run: "FlightRun") -> str:
    at = f"{datetime.fromtimestamp(run.at / 1e6, UTC):%H:%M:%S.%f}"[:-3]
    numbers = f"{run.first}" if run.packets == 1 else f"{run.first}..{run.last}"
    what = f"{run.what:<18} {run.kind or '-':<5} {run.stream_id or '-':<16}"
    return f"  {at} +{run.took_ms:<3} {what} {run.packets:>4} {numbers:<13} {run.bytes:>7} B"
