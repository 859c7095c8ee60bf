"""Drafts become facts: in order, once, in few calls, told on NATS, and found again by their command id."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from parlour.cli.embedded.nats import NatsServer
from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import Append, AppendUnit, Claim, LogKey
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemIds
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import ClaimRefused, CommandContext, CommitResult, Stale
from parlour.runtime.deciding.sealing import open_records
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Unavailable
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.settings import BusSettings
from parlour.testkit.waiting import eventually

APP = 7
WITHIN_S = 10.0
Names = tuple[str, ...]


class Suite(msgspec.Struct):
    """One process's connections."""

    bus: Bus
    log: PostgresLog
    people: PostgresUserKeyStore
    committer: Committer

    def cache(self) -> StateCache[Names]:
        """Rooms as the tuple of their sessions, in the order of joining."""
        return StateCache(self.log, self.people, self.committer, Aggregate("room", (), evolve))


def evolve(state: Names, event: ev.Event) -> Names:
    match event:
        case ev.UserJoined():
            return (*state, event.session_id)
        case ev.UserLeft():
            return tuple(session for session in state if session != event.session_id)
        case _:
            return state


@pytest.fixture
async def suite(postgres: str, nats_server: NatsServer) -> AsyncIterator[Suite]:
    pool = await create_pool(postgres, name="test")
    log = PostgresLog(pool)
    people = PostgresUserKeyStore(pool, bytes(range(32)))
    settings = BusSettings(nats_url=nats_server.address("test"))
    async with await Bus.connect(settings, "test") as bus, Committer(log, people, bus) as committer:
        yield Suite(bus, log, people, committer)
    await pool.close()


def call(room: str, command_id: str = "", digest: bytes = b"d" * 32) -> CommandContext:
    return CommandContext(APP, room, command_id or str(uuid4()), "client:somebody", digest)


async def entering(suite: Suite, session: str, user: str = "ada") -> ev.UserJoined:
    return ev.UserJoined(session, await suite.people.actor(APP, user), user, f"{user} the person")


def join(to: CommandContext, room: RoomSnapshot[Names], event: ev.UserJoined) -> AppendUnit:
    """Opens the room where it is not open; a session that is there is refused."""
    if event.session_id in room.state:
        raise Rejection(Code.LOGIN_IN_PROGRESS, "it is there")
    if room.open:
        assert room.key is not None
        return to.make_unit(Append(room.key, "room", room.version, (event,)))
    key = LogKey(room.app, room.room, UUID(SystemIds().uuid7()))
    claim = Claim("take", "open_room", room.app, room.room, str(key.uid))
    return to.make_unit(
        Append(key, "room", 0, (ev.RoomOpened(room.app, room.room), event), creates=True), claims=(claim,)
    )


async def test_an_event_is_in_the_log_and_on_nats_when_the_commit_returns(suite: Suite) -> None:
    heard: asyncio.Queue[tuple[Address, bytes, Headers]] = asyncio.Queue()

    async def hear(to: Address, payload: bytes, headers: Headers) -> None:
        heard.put_nowait((to, payload, headers))

    room = f"told-{uuid4()}"
    await suite.bus.subscribe(subjects.events_of_room(APP, room), hear)
    event = await entering(suite, "s1")
    done = await suite.cache().decide_and_commit(call(room), lambda state: join(call(room), state, event))

    assert [view.type for view in done.views] == [ev.RoomOpened.TAG, ev.UserJoined.TAG]
    assert msgspec.json.decode(done.views[1].data, type=ev.UserJoined) == event
    assert done.views[1].user_id == "ada"
    for view in done.views:
        async with asyncio.timeout(WITHIN_S):
            to, payload, headers = await heard.get()
        assert (to.app, to.room, to.verb) == (APP, room, "room")
        assert msgspec.json.decode(payload, type=EventView) == view
        assert headers["Parlour-Seq"] == str(view.seq)
        assert headers["Parlour-Hash"] == view.hash
        assert headers["Nats-Msg-Id"] == f"{view.room_uid}:{view.seq}"
    head = await suite.log.latest(APP, room)
    assert head is not None
    assert done.position == f"{head.log.uid}.{head.seq}.{head.hash.hex()[:16]}"


async def test_personal_texts_are_sealed_in_the_log_and_open_to_readers(suite: Suite) -> None:
    room = f"sealed-{uuid4()}"
    event = await entering(suite, "s1", "grace")
    done = await suite.cache().decide_and_commit(call(room), lambda state: join(call(room), state, event))
    head = await suite.log.latest(APP, room)
    assert head is not None
    records = await suite.log.read(head.log.uid, 0, 10)
    assert b"grace" not in b"".join(record.env for record in records)
    opened = await open_records(suite.people, records)
    assert [bytes(a.data) for a in opened] == [bytes(b.data) for b in done.views]
    assert opened == done.views


async def test_commands_for_one_room_are_decided_on_top_of_each_other(suite: Suite) -> None:
    """A hundred at once: all in, in the order of their arrival, in far fewer calls than commands."""
    room = f"crowd-{uuid4()}"
    cache = suite.cache()
    actor = await suite.people.actor(APP, "crowd")
    calls_before = suite.bus.metrics.commit_batch._sum.get()  # pyright: ignore[reportPrivateUsage]
    assert calls_before is not None

    async def one(number: int) -> str:
        to = call(room)
        event = ev.UserJoined(f"s{number}", actor, "crowd", "")
        return (await cache.decide_and_commit(to, lambda state: join(to, state, event))).position

    positions = await asyncio.gather(*(one(number) for number in range(100)))
    assert len(set(positions)) == 100
    loaded = await cache.load(APP, room, fresh=True)
    assert loaded.state == tuple(f"s{number}" for number in range(100))
    assert loaded.version == 101
    fresh = await suite.cache().load(APP, room)
    assert (fresh.state, fresh.version, fresh.position) == (loaded.state, loaded.version, loaded.position)


async def test_two_replicas_deciding_on_one_room_lose_nothing(suite: Suite) -> None:
    room = f"replicas-{uuid4()}"
    caches = [suite.cache(), suite.cache()]
    actor = await suite.people.actor(APP, "crowd")

    async def one(number: int) -> None:
        to = call(room)
        event = ev.UserJoined(f"s{number}", actor, "crowd", "")
        for _ in range(20):
            with contextlib.suppress(Unavailable):
                await caches[number % 2].decide_and_commit(to, lambda state: join(to, state, event))
                return
        raise AssertionError("twenty times too busy")

    await asyncio.gather(*(one(number) for number in range(40)))
    loaded = await suite.cache().load(APP, room)
    assert sorted(loaded.state) == sorted(f"s{number}" for number in range(40))


async def test_the_same_command_id_gives_the_first_answer(suite: Suite) -> None:
    room = f"again-{uuid4()}"
    cache = suite.cache()
    event = await entering(suite, "s1")
    to = call(room)
    first = await cache.decide_and_commit(to, lambda state: join(to, state, event))
    for states in (cache, suite.cache()):
        again = await states.decide_and_commit(to, lambda state: join(to, state, event))
        assert again.repeated
        assert (again.views, again.answer, again.position) == (first.views, first.answer, first.position)
    other = call(room, to.command_id, b"e" * 32)
    with pytest.raises(Rejection) as refused:
        await cache.decide_and_commit(other, lambda state: join(other, state, event))
    assert refused.value.problem.code == Code.COMMAND_ID_REUSED


async def test_the_same_command_twice_at_once_is_done_once(suite: Suite) -> None:
    room = f"twice-{uuid4()}"
    cache = suite.cache()
    event = await entering(suite, "s1")
    to = call(room)
    both = await asyncio.gather(*(cache.decide_and_commit(to, lambda state: join(to, state, event)) for _ in range(2)))
    assert sorted(done.repeated for done in both) == [False, True]
    assert both[0].views == both[1].views


async def test_what_is_true_only_of_an_uncommitted_unit_is_not_answered_as_done(suite: Suite) -> None:
    """The same command twice at once, the second of which would find nothing left to do on top of the first."""
    room = f"nothing-{uuid4()}"
    cache = suite.cache()
    event = await entering(suite, "s1")

    def enter(to: CommandContext, state: RoomSnapshot[Names]) -> AppendUnit:
        return to.make_unit() if event.session_id in state.state else join(to, state, event)

    to, other = call(room), call(room)
    calls = (to, to, other)
    done = await asyncio.gather(*(cache.decide_and_commit(c, lambda state, c=c: enter(c, state)) for c in calls))
    assert [len(result.views) for result in done] == [2, 2, 0]
    assert [result.repeated for result in done[:2]].count(True) == 1
    assert (await suite.cache().load(APP, room)).state == ("s1",)


async def test_what_is_true_only_in_an_old_state_is_done_again(suite: Suite) -> None:
    room = f"old-{uuid4()}"
    mine, theirs = suite.cache(), suite.cache()
    event = await entering(suite, "s1")

    def enter(to: CommandContext, state: RoomSnapshot[Names]) -> AppendUnit:
        return to.make_unit() if event.session_id in state.state else join(to, state, event)

    first, gone, again = call(room), call(room), call(room)
    await mine.decide_and_commit(first, lambda state: enter(first, state))

    def leave(state: RoomSnapshot[Names]) -> AppendUnit:
        assert state.key is not None
        return gone.make_unit(Append(state.key, "room", state.version, (ev.UserLeft("s1", event.actor, "logout"),)))

    await theirs.decide_and_commit(gone, leave)
    done = await mine.decide_and_commit(again, lambda state: enter(again, state))
    assert [view.type for view in done.views] == [ev.UserJoined.TAG]


async def test_a_rejection_is_decided_on_what_the_log_has_now(suite: Suite) -> None:
    """A cache that missed another replica's event must not refuse because of it."""
    room = f"fresh-{uuid4()}"
    mine, theirs = suite.cache(), suite.cache()
    event = await entering(suite, "s1")
    first = call(room)
    await mine.decide_and_commit(first, lambda state: join(first, state, event))
    gone = call(room)

    def leave(state: RoomSnapshot[Names]) -> AppendUnit:
        assert state.key is not None
        return gone.make_unit(Append(state.key, "room", state.version, (ev.UserLeft("s1", event.actor, "logout"),)))

    await theirs.decide_and_commit(gone, leave)
    again = call(room)
    done = await mine.decide_and_commit(again, lambda state: join(again, state, event))
    assert [view.type for view in done.views] == [ev.UserJoined.TAG]
    late = call(room)
    with pytest.raises(Rejection):
        await mine.decide_and_commit(late, lambda state: join(late, state, event))


async def test_claims_and_versions_say_no(suite: Suite) -> None:
    room = f"no-{uuid4()}"
    event = await entering(suite, "s1")
    to = call(room)
    done = await suite.cache().decide_and_commit(to, lambda state: join(to, state, event))
    loaded = await suite.cache().load(APP, room)
    assert loaded.key is not None
    with pytest.raises(Stale):
        await suite.committer.commit(call(room).make_unit(Append(loaded.key, "room", 1, (event,))))
    held = Claim("take", "open_room", APP, room, "somebody else")
    with pytest.raises(ClaimRefused) as refused:
        await suite.committer.commit(call(room).make_unit(claims=(held,)))
    assert (refused.value.reason, refused.value.claim, refused.value.holder) == (
        "claim_held",
        held,
        done.views[0].room_uid,
    )


async def test_a_follower_hears_what_others_commit(suite: Suite) -> None:
    room = f"follow-{uuid4()}"
    follower = suite.cache()
    async with follower.follow_events(suite.bus):
        event = await entering(suite, "s1")
        to = call(room)
        done = await suite.cache().decide_and_commit(to, lambda state: join(to, state, event))
        await follower.load(APP, room)
        more = [await entering(suite, f"m{number}") for number in range(5)]
        writer = suite.cache()
        for entered in more:
            then = call(room)
            done = await writer.decide_and_commit(then, lambda state, e=entered, c=then: join(c, state, e))
        await suite.bus.flush_confirmed()

        def at_the_end() -> Any:
            found = follower.peek(APP, room)
            return found if found is not None and found.position == done.position else None

        seen = await eventually(at_the_end, "the follower has the last event", timeout_s=WITHIN_S, poll_s=0)
        assert seen.state == ("s1", "m0", "m1", "m2", "m3", "m4")
        assert not seen.fresh


async def test_what_an_erased_person_says_is_refused_and_what_others_say_is_not(suite: Suite) -> None:
    room, user = f"r{uuid4()}", f"u{uuid4()}"
    cache = suite.cache()
    for session, who in (("s1", user), ("s2", "bob")):
        event = await entering(suite, session, who)
        to = call(room)
        await cache.decide_and_commit(to, lambda room, to=to, event=event: join(to, room, event))
    loaded = await cache.load(APP, room, fresh=True)
    assert loaded.key is not None
    erased = await suite.people.erase(APP, user)
    assert erased is not None
    bob = await suite.people.actor(APP, "bob")

    def saying(session: str, actor: str, text: str) -> AppendUnit:
        assert loaded.key is not None
        return call(room).make_unit(Append(loaded.key, "im", None, (ev.BroadcastSent(session, actor, text),)))

    said = await asyncio.gather(
        suite.committer.commit(saying("s1", erased, "hello")),
        suite.committer.commit(saying("s2", bob, "hello")),
        suite.committer.commit(saying("s1", erased, "")),
        return_exceptions=True,
    )
    refused, done, without_text = said
    assert isinstance(refused, Rejection)
    assert (refused.problem.code, refused.problem.hint) == (Code.SESSION_UNKNOWN, "log in again")
    assert isinstance(done, CommitResult)
    assert isinstance(without_text, CommitResult)
