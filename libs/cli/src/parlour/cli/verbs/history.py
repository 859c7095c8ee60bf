"""`events`, `replay` and `live`: what the record knows of a room, and what the services and relays hold of it beside that."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .options import TIMES, App, Call, Json, Room
from .printing import print_found, utc
from .suite import ask_suite

if TYPE_CHECKING:
    from parlour.contracts.envelope import EventView
    from parlour.contracts.queries import RoomState
    from parlour.runtime.messaging.bus import Bus

verbs = typer.Typer()


@verbs.command()
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
        ask_suite(lambda bus: _print_events(bus, room, app, start, follow, call, json))


@verbs.command()
def replay(
    room: Room,
    app: App,
    at: Annotated[str, typer.Option(help="An event's number, or a time (2026-11-21T14:03:07Z, 14:03:07).")] = "",
    call: Call = "",
    json: Json = False,
) -> None:
    """Print a room's state as of any moment, folded from its events."""
    from ..operator.room_log import RoomLog, parse_moment

    try:
        seq, microseconds = parse_moment(at) if at else (None, None)
    except ValueError:
        raise typer.BadParameter(
            f"{at!r} is neither an event's number nor a time: {TIMES}", param_hint="--at"
        ) from None
    state = ask_suite(lambda bus: RoomLog(bus, app, room).state(seq=seq, at=microseconds, call=call))
    print_found(state, json, _state_text(state))


@verbs.command()
def live(room: Room, app: App, json: Json = False) -> None:
    """Compare the services' memories and the relays' tables with the record. Exit code 1 where they differ."""
    from ..operator.live_state import read_live_state

    found = ask_suite(lambda bus: read_live_state(bus, app, room))
    differences = found.differences()
    lines = differences or ["the room service, the registry and the relays agree with the record"]
    head = f"{room}: {len(found.record.sessions)} sessions, {len(found.record.streams)} streams on the record"
    shown = {**msgspec.structs.asdict(found), "differences": differences}
    print_found(shown, json, "\n  ".join([head, *lines]), failed=bool(differences))


async def _print_events(bus: "Bus", room: str, app: int, start: int, follow: bool, call: str, json: bool) -> None:
    from ..operator.room_log import RoomLog

    log = RoomLog(bus, app, room)
    if not follow:
        await log.state(call=call)  # of a room that never was it says so
    async for event in log.events(start - 1, call=call, follow=follow):
        print_found(event, json, _event_text(event))


def _event_text(event: "EventView") -> str:
    who = event.user_id or event.actor or "-"
    return f"{event.seq:>6}  {utc(event.at, 'milliseconds')}  {event.type:<28}  {who:<16}  {bytes(event.data).decode()}"


def _state_text(state: "RoomState") -> str:
    as_of = f"as of event {state.seq}, {utc(state.at, 'milliseconds')}"
    lines = [
        f"room {state.room} of app {state.app}: {'open' if state.open else 'closed'} {as_of}",
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
