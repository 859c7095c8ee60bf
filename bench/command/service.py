"""The service that `run.py` measures: one decider, the real bus, cache, committer and log, nothing of a product's service around them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.commands import Reply, Request, SetRoomExtraInfo
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import Append, AppendUnit, Claim, LogKey
from parlour.runtime.clock import SystemIds
from parlour.runtime.deciding.context import CommandContext, build_context, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.endpoint import Endpoint, Headers
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service, run
from parlour.runtime.settings import RuntimeSettings

NAME = "registry"
"""A name that may append to the aggregate that the bench uses; its own service does not run here."""
RAW = "parlour.v1.bench.raw"
EXTRA = dict[str, str]


class BenchSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Only what every service has."""

    SERVICE = NAME


def evolve(state: EXTRA, event: ev.Event) -> EXTRA:
    """The value of each key."""
    return {**state, event.key: event.value} if isinstance(event, ev.RoomExtraInfoChanged) else state


def decide(context: CommandContext, room: RoomSnapshot[EXTRA], body: SetRoomExtraInfo, ids: SystemIds) -> AppendUnit:
    """Opens the room where it is not open, then sets the key."""
    changed = ev.RoomExtraInfoChanged(context.actor, body.key, body.value)
    if room.key is not None and room.open:
        return context.make_unit(Append(room.key, "room", room.version, (changed,)))
    key = LogKey(room.app, room.room, UUID(ids.uuid7()))
    claim = Claim("take", "open_room", room.app, room.room, str(key.uid))
    events = (ev.RoomOpened(room.app, room.room), changed)
    return context.make_unit(Append(key, "room", 0, events, creates=True), claims=(claim,))


class Handlers:
    """What answers."""

    def __init__(self, to: Connections) -> None:
        self._to = to
        self._ids = SystemIds()
        empty: EXTRA = {}
        self._cache = StateCache(to.log, to.people, to.committer, Aggregate("room", empty, evolve))

    async def set(self, at: Address, request: Request, _headers: Headers) -> Reply:
        """One command."""
        context, body = build_context(at, request), request.body
        assert isinstance(body, SetRoomExtraInfo)
        context = msgspec.structs.replace(context, actor=await self._to.people.actor(at.app, "bench"))
        done = await self._cache.decide_and_commit(context, lambda room: decide(context, room, body, self._ids))
        return reply_of(done)


@asynccontextmanager
async def build(settings: BenchSettings) -> AsyncGenerator[Service]:
    """The running service."""
    async with open_connections(settings, NAME) as to:
        handlers = Handlers(to)

        async def echo(message: Msg) -> None:
            await message.respond(message.data)

        await to.bus.client.subscribe(RAW, cb=echo)  # pyright: ignore[reportUnknownMemberType] its future is untyped
        await to.bus.serve(NAME, "1.0.0", {"set": Endpoint(subjects.commands_of(NAME), Request, handlers.set)})
        yield Service(to.metrics, to.checks)


if __name__ == "__main__":
    run(build, BenchSettings, NAME)
