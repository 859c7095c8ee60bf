"""Commands of several users in several rooms on the memory log: claims and rooms agree after each, and repetition is harmless."""

import asyncio
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from parlour.contracts import commands as contract
from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel import bans
from parlour.kernel.decider import Aggregate
from parlour.kernel.rejection import Rejection
from parlour.room.app.bans import BanChecker
from parlour.room.app.room_handler import RoomHandler
from parlour.room.app.room_rates import RoomRates
from parlour.room.app.room_units import CLIENT_SESSION, OPEN_ROOM, RoomDecider
from parlour.room.domain import room as domain
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.rate_limiter import RateLimiter
from parlour.runtime.telemetry.metrics import Metrics
from parlour.testkit.clock import CountingIds, VirtualClock
from parlour.testkit.log import MemoryLog
from parlour.testkit.user_keys import MemoryUserKeyStore

APP = 7
ROOMS = ("red", "green", "blue")
USERS = ("ann", "bob")
RATES = RoomRates(RateLimiter(), 1_000_000, 1_000_000, 1_000_000)
"""Limits that no run reaches."""


class HearingBus:
    """Takes what is published; nobody else is on it."""

    def __init__(self) -> None:
        self.metrics = Metrics("test")
        self.heard: list[EventView] = []

    async def publish(self, subject: str, payload: bytes, headers: object = None) -> None:
        self.heard.append(msgspec.json.decode(payload, type=EventView))

    def fault(self, where: str, error: BaseException, **fields: Any) -> None:
        raise error


class World:
    """The room service's application on a log in memory."""

    def __init__(self) -> None:
        self.log, self.people, self.bus = MemoryLog(), MemoryUserKeyStore(), HearingBus()
        self.committer = Committer(self.log, self.people, cast(Bus, self.bus))
        rooms = Aggregate(domain.AGGREGATE, domain.INITIAL, domain.evolve)
        self.cache = StateCache(self.log, self.people, self.committer, rooms)
        clock = VirtualClock()
        app_bans = Aggregate(ev.BanPlaced.AGGREGATE, bans.INITIAL, bans.evolve)
        checker = BanChecker(StateCache(self.log, self.people, self.committer, app_bans), self.people, clock)
        decider = RoomDecider(self.cache, clock, CountingIds(clock))
        self.rooms = RoomHandler(self.log, self.people, decider, RATES, checker, 90.0)

    async def do(self, number: int, room: str, body: contract.Command) -> object:
        """The answer, or the code of the refusal."""
        context = CommandContext(
            APP, room, str(uuid5(NAMESPACE_URL, str(number))), "client:", msgspec.json.encode(body)
        )
        handlers: dict[type[contract.Command], Any] = {
            contract.JoinRoom: self.rooms.join,
            contract.LeaveRoom: self.rooms.leave,
            contract.KickUser: self.rooms.kick,
            contract.CloseRoom: self.rooms.close,
        }
        try:
            reply = await handlers[type(body)](context, body)
            return bytes(reply.result), reply.position
        except Rejection as refused:
            return refused.problem.code

    async def check(self) -> None:
        """Invariants over rooms, and claims that say the same as the rooms."""
        sessions: dict[str, set[tuple[str, str]]] = {}
        for name in ROOMS:
            room = await self.cache.load(APP, name, fresh=True)
            held = [row.holder for row in await self.log.claims(OPEN_ROOM, APP, name)]
            assert held == ([str(room.key.uid)] if room.open and room.key else [])
            if isinstance(room.state, domain.Open):
                for member in domain.members_in_order(room.state):
                    sessions.setdefault(member.actor, set()).add((name, member.session_id))
        for user in USERS:
            actor = await self.people.actor(APP, user)
            rows = await self.log.claims(CLIENT_SESSION, APP, actor)
            assert {(row.slot, row.holder) for row in rows} == sessions.get(actor, set())
            assert len({row.holder for row in rows}) <= 1, "one session of a user in the whole app"


session_ids = st.builds(lambda user, n: (user, f"{user}-{n}"), st.sampled_from(USERS), st.integers(1, 3))
bodies = st.one_of(
    st.builds(lambda who, multi: contract.JoinRoom(who[1], who[0], multi_room=multi), session_ids, st.booleans()),
    st.builds(lambda who, multi: contract.JoinRoom(who[1], who[0], multi_room=multi), session_ids, st.booleans()),
    st.builds(lambda who: contract.LeaveRoom(who[1]), session_ids),
    st.builds(contract.KickUser, st.sampled_from(USERS)),
    st.just(contract.CloseRoom()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ROOMS), bodies), max_size=15))
def test_claims_and_rooms_agree_and_repetition_is_harmless(story: list[tuple[str, contract.Command]]) -> None:
    async def live() -> None:
        world = World()
        async with world.committer:
            for number, (room, body) in enumerate(story):
                first = await world.do(number, room, body)
                told = len({(view.room_uid, view.seq) for view in world.bus.heard})
                again = await world.do(number, room, body)
                assert again == first or not isinstance(first, tuple), "the same command id gets the first answer"
                assert len({(view.room_uid, view.seq) for view in world.bus.heard}) == told, "and appends nothing"
                await world.check()

    asyncio.run(live())


def test_a_name_lives_again() -> None:
    async def live() -> None:
        world = World()
        async with world.committer:
            await world.do(1, "red", contract.JoinRoom("s-1", "ann"))
            await world.do(2, "red", contract.CloseRoom())
            answer = await world.do(3, "red", contract.JoinRoom("s-2", "ann"))
            assert isinstance(answer, tuple)
            last = world.bus.heard[-3]
            opened = msgspec.json.decode(world.bus.heard[-2].data, type=ev.RoomOpened)
            assert last.type == ev.RoomClosed.TAG
            assert opened.previous == f"{last.room_uid}.{last.seq}.{last.hash[:16]}"

    asyncio.run(live())
