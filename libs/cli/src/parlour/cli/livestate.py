"""The live states of a room side by side: the record's fold, the room service, the registry, the relays.

A room that changes while it is looked at gives answers as of different moments, so the services are asked until two looks at the record
around them find the same position.
"""

from collections.abc import AsyncIterator

import msgspec

from parlour.contracts import subjects
from parlour.contracts.commands import DescribeRoom, DescribeStreams
from parlour.contracts.live import LiveRoom, LiveStreams
from parlour.contracts.queries import RoomState
from parlour.contracts.relay import NodeReport, Report, TransportReport
from parlour.runtime.messaging.bus import Bus

from .ask import ask
from .history import Room

LOOKS = 20


class Held(msgspec.Struct, frozen=True):
    """What one holder knows: session ids; streams as (id, session, sorted players)."""

    sessions: tuple[str, ...] = ()
    streams: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


class Live(msgspec.Struct, frozen=True):
    """All of them as of `position`. The relays know sessions only by what they publish or play."""

    position: str
    record: Held
    room: Held
    registry: Held
    relays: Held

    def differences(self) -> list[str]:
        """In words; empty when all agree."""
        found = list[str]()
        if self.room.sessions != self.record.sessions:
            found.append(f"room service holds sessions {self.room.sessions}, the record {self.record.sessions}")
        for name, held in (("registry", self.registry), ("relays", self.relays)):
            if held.streams != self.record.streams:
                found.append(f"{name} hold streams {held.streams}, the record {self.record.streams}")
        return found


async def look(bus: Bus, app: int, room: str) -> Live:
    """Everybody's answer as of one position. TimeoutError where the room never stands still."""
    log = Room(bus, app, room)
    for _ in range(LOOKS):
        before = await log.state()
        inside = await ask(bus, app, DescribeRoom(), LiveRoom, room=room)
        streams = await ask(bus, app, DescribeStreams(), LiveStreams, room=room)
        relays = await _relays(bus, app, before)
        if (await log.state()).hash == before.hash:
            registry = Held((), tuple((s.stream_id, s.session_id, s.players) for s in streams.streams))
            position = f"{before.room_uid}.{before.seq}.{before.hash[:16]}"
            return Live(position, _of_record(before), Held(inside.sessions), registry, relays)
    raise TimeoutError(f"{room} changed during each of {LOOKS} looks")


def _of_record(state: RoomState) -> Held:
    sessions = tuple(sorted(user.session_id for user in state.users))
    streams = sorted(state.streams, key=lambda stream: stream.stream_id)
    return Held(sessions, tuple((s.stream_id, s.session_id, s.players) for s in streams))


async def _relays(bus: Bus, app: int, state: RoomState) -> Held:
    """The streams of the record's nodes, as the relays' own session tables have them."""
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
    return Held((), tuple((s, owner, tuple(sorted(players[s]))) for s, owner in sorted(publishers.items())))


async def transports_on(bus: Bus, node: str) -> AsyncIterator[TransportReport]:
    """Every transport of a node, page by page."""
    after = ""
    while True:
        page = await bus.request(subjects.relay_command(node, "report"), Report(after), NodeReport, 2.0)
        for transport in page.transports:
            yield transport
        after = page.after
        if not after:
            return
