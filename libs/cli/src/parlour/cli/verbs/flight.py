"""`flight`: prints the relays' flight recorders: what became of each packet of the last ten seconds."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from .options import App, Json, Room
from .printing import print_found
from .suite import ask_suite

if TYPE_CHECKING:
    from parlour.contracts.relay import FlightLog, FlightRun
    from parlour.runtime.messaging.bus import Bus

Transport = Annotated[str, typer.Option(help="One transport, instead of a room.")]
Node = Annotated[str, typer.Option(help="The transport's relay node.")]
ANSWER_TIMEOUT_S = 5.0


verbs = typer.Typer()


@verbs.command()
def flight(app: App, room: Room = "", transport: Transport = "", node: Node = "relay", json: Json = False) -> None:
    """Print what became of each packet of the last ten seconds, on each transport of a room or on one."""
    if bool(room) == bool(transport):
        raise typer.BadParameter("give a room, or --transport with --node")
    if not ask_suite(lambda bus: _print_flights(bus, room, app, transport, node, json)):
        typer.echo(f"no relay carries a stream of {room} now", err=True)
        raise typer.Exit(1)


async def _print_flights(bus: "Bus", room: str, app: int, transport: str, node: str, json: bool) -> bool:
    found = False
    async for carrier, each in transports_of_room(bus, app, room) if room else _one_transport(node, transport):
        found = True
        log = await read_flight(bus, carrier, each)
        print_found(log, json, _text(log))
    return found


async def _one_transport(node: str, transport: str) -> AsyncIterator[tuple[str, str]]:
    yield node, transport


async def transports_of_room(bus: "Bus", app: int, room: str) -> AsyncIterator[tuple[str, str]]:
    """Yields (node, transport) for each transport that carries a stream of the room."""
    from ..operator.live_state import transports_on
    from ..operator.room_log import RoomLog

    state = await RoomLog(bus, app, room).state()
    streams = {stream.stream_id for stream in state.streams}
    for place in sorted({stream.node for stream in state.streams}):
        async for found in transports_on(bus, place):
            carried = {bound.stream_id for bound in (*found.publishes, *found.plays)}
            if found.app == app and carried & streams:
                yield place, found.transport_id


async def read_flight(bus: "Bus", node: str, transport: str) -> "FlightLog":
    """Reads one transport's flight recorder: its last ten seconds."""
    from parlour.contracts import subjects
    from parlour.contracts.relay import FlightLog, ReadFlight

    subject = subjects.relay_command(node, "flight")
    return await bus.request(subject, ReadFlight(transport), FlightLog, ANSWER_TIMEOUT_S)


def _text(log: "FlightLog") -> str:
    head = f"{log.node} {log.transport_id}  session {log.owner}  {len(log.runs)} runs"
    return "\n".join([head, *map(_line, log.runs)])


def _line(run: "FlightRun") -> str:
    at = f"{datetime.fromtimestamp(run.at / 1e6, UTC):%H:%M:%S.%f}"[:-3]
    numbers = f"{run.first}" if run.packets == 1 else f"{run.first}..{run.last}"
    what = f"{run.what:<18} {run.kind or '-':<5} {run.stream_id or '-':<16}"
    return f"  {at} +{run.took_ms:<3} {what} {run.packets:>4} {numbers:<13} {run.bytes:>7} B"
