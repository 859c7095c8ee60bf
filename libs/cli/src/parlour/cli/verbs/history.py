"""`events` and `replay`: what the record knows of a room."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .options import App, Json
from .target import nats_url
from .times import utc_ms

if TYPE_CHECKING:
    from parlour.contracts.envelope import EventView
    from parlour.contracts.queries import RoomState

Room = Annotated[str, typer.Argument(help="Room id.")]
Call = Annotated[str, typer.Option(help="A certain call of the room (its roomUID); the latest when not given.")]


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    app.command()(events)
    app.command()(replay)


def events(
    room: Room,
    app: App,
    start: Annotated[int, typer.Option("--from", help="Number of the first event.", min=1)] = 1,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens.")] = False,
    call: Call = "",
    json: Json = False,
) -> None:
    """Print a room's events in order, one a line. A room that was never opened is refused, unless --follow waits for it."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_events(room, app, start, follow, call, json))


def replay(
    room: Room,
    app: App,
    at: Annotated[str, typer.Option(help="An event's number, or a time (2026-11-21T14:03:07Z, 14:03:07).")] = "",
    call: Call = "",
    json: Json = False,
) -> None:
    """Print a room's state as of any moment, folded from its events."""
    state = asyncio.run(_replay(room, app, at, call))
    typer.echo(msgspec.json.encode(state).decode() if json else _state_text(state))


async def _events(room: str, app: int, start: int, follow: bool, call: str, json: bool) -> None:
    from ..operator.connection import connect
    from ..operator.room_log import RoomLog

    async with connect(nats_url()) as bus:
        log = RoomLog(bus, app, room)
        if not follow:
            await log.state(call=call)  # of a room that never was it says so
        async for event in log.events(start - 1, call=call, follow=follow):
            typer.echo(msgspec.json.encode(event).decode() if json else _event_text(event))


async def _replay(room: str, app: int, at: str, call: str) -> "RoomState":
    from ..operator.connection import connect
    from ..operator.room_log import RoomLog, parse_moment

    try:
        seq, microseconds = parse_moment(at) if at else (None, None)
    except ValueError:
        raise typer.BadParameter(f"{at!r} is neither an event's number nor a time", param_hint="--at") from None
    async with connect(nats_url()) as bus:
        return await RoomLog(bus, app, room).state(seq=seq, at=microseconds, call=call)


def _event_text(event: "EventView") -> str:
    who = event.user_id or event.actor or "-"
    return f"{event.seq:>6}  {utc_ms(event.at)}  {event.type:<28}  {who:<16}  {bytes(event.data).decode()}"


def _state_text(state: "RoomState") -> str:
    lines = [
        f"room {state.room} of app {state.app}: {'open' if state.open else 'closed'} as of event {state.seq}, {utc_ms(state.at)}",
        f"  call {state.room_uid}  hash {state.hash[:16]}",
    ]
    lines += [
        f"  user    {user.user_id} ({user.user_name}){' suspended' if user.suspended else ''}" for user in state.users
    ]
    for stream in state.streams:
        kinds = "+".join(kind for kind, there in (("audio", stream.has_audio), ("video", stream.has_video)) if there)
        lines.append(f"  stream  {stream.stream_id}  {kinds} {stream.codec}  played by {len(stream.players)}")
    lines += [f"  extra   {extra.key} = {extra.value}" for extra in state.extra_info]
    return "\n".join([*lines, f"  {state.messages} messages so far"])
