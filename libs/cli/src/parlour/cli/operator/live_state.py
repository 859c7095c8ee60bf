"""Compares the live states of a room: as folded from the record, in the room service, in the registry and in the relays.

A room that changes meanwhile gives answers as of different moments, so the services are asked until the record has the same position
before and after.
"""

from collections.abc import AsyncIterator

import msgspec

from parlour.contracts import subjects
from parlour.contracts.commands import DescribeRoom, DescribeStreams
from parlour.contracts.live import LiveRoom, LiveStreams
from parlour.contracts.queries import RoomState
from parlour.contracts.relay import NodeReport, Report, TransportReport
from parlour.runtime.messaging.bus import Bus

from .connection import send_command
from .room_log import RoomLog

ATTEMPTS = 20


class KnownState(msgspec.Struct, frozen=True):
    """The state of a room that one service has: session ids; streams as (id, session, sorted players)."""

    sessions: tuple[str, ...] = ()
    streams: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


class LiveState(msgspec.Struct, frozen=True):
    """The state that each of them has, as of `position`. The relays know sessions only by what they publish or play."""

    position: str
    record: KnownState
    room: KnownState
    registry: KnownState
    relays: KnownState

    def differences(self) -> list[str]:
        """Describes where services differ from the record; empty when all agree."""
        found = list[str]()
        if self.room.sessions != self.record.sessions:
            found.append(f"room service holds sessions {self.room.sessions}, the record {self.record.sessions}")
        for name, known in (("registry", self.registry), ("relays", self.relays)):
            if known.streams != self.record.streams:
                found.append(f"{name} hold streams {known.streams}, the record {self.record.streams}")
        return found


async def read_live_state(bus: Bus, app: int, room: str) -> LiveState:
    """Asks all services for their state as of one position. TimeoutError where the room changed during each of `ATTEMPTS`."""
    log = RoomLog(bus, app, room)
    for _ in range(ATTEMPTS):
        before = await log.state()
        inside = await send_command(bus, app, DescribeRoom(), LiveRoom, room=room)
        streams = await send_command(bus, app, DescribeStreams(), LiveStreams, room=room)
        relays = await _state_of_relays(bus, app, before)
        if (await log.state()).hash == before.hash:
            registry = KnownState((), tuple((s.stream_id, s.session_id, s.players) for s in streams.streams))
            position = f"{before.room_uid}.{before.seq}.{before.hash[:16]}"
            return LiveState(position, _state_of_record(before), KnownState(inside.sessions), registry, relays)
    raise TimeoutError(f"{room} changed during each of {ATTEMPTS} attempts")


def _state_of_record(state: RoomState) -> KnownState:
    sessions = tuple(sorted(user.session_id for user in state.users))
    streams = sorted(state.streams, key=lambda stream: stream.stream_id)
    return KnownState(sessions, tuple((s.stream_id, s.session_id, s.players) for s in streams))


async def _state_of_relays(bus: Bus, app: int, state: RoomState) -> KnownState:
    """Reads the streams of the record's nodes from the relays' own tables."""
    wanted = {stream.stream_id for stream in state.streams}
    publishers, players = dict[str, str](), {stream: set[str]() for stream in wanted}
    for node in sorted({stream.node for stream in state.streams}):
        async for transport in transports_on(bus, node):
            if transport.app != app:
                continue
            publishers |= {
                bound.stream_id: transport.owner for bound in transport.publishes if bound.stream_id in wanted
            }
            for bound in transport.plays:
                if bound.stream_id in wanted:
                    players[bound.stream_id].add(transport.owner)
    return KnownState((), tuple((s, owner, tuple(sorted(players[s]))) for s, owner in sorted(publishers.items())))


async def transports_on(bus: Bus, node: str) -> AsyncIterator[TransportReport]:
    """Yields the transports of a node, page by page."""
    after = ""
    while True:
        page = await bus.request(subjects.relay_command(node, "report"), Report(after), NodeReport, 2.0)
        for transport in page.transports:
            yield transport
        after = page.after
        if not after:
            return
