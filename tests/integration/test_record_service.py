"""The record service on real NATS and Postgres: questions, heads, and events whose committer died before it told anybody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import msgspec
import pytest

from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import Envelope, EventView, encode_envelope
from parlour.contracts.queries import (
    Head,
    HeadBeacon,
    HeadQuery,
    Replay,
    ReplayQuery,
    RoomHead,
    Snapshot,
    SnapshotQuery,
)
from parlour.kernel.log import Append, AppendUnit, Committed, LogKey, NewEvent, Record
from parlour.kernel.rejection import Rejection
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build
from parlour.runtime.deciding import sealing
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.settings import BusSettings, RuntimeSettings, load
from parlour.testkit.units import new_log

APP = 77
WITHIN_S = 15.0


class Harness:
    """Writes to the log behind everybody's back, asks the service, hears what it publishes."""

    def __init__(self, bus: Bus, log: PostgresLog, people: PostgresUserKeyStore) -> None:
        self.bus = bus
        self.log = log
        self.people = people
        self.heard: list[tuple[Address, EventView, Headers]] = []
        self.heads: list[RoomHead] = []
        self.changed = asyncio.Condition()

    async def listen(self) -> None:
        await self.bus.subscribe(subjects.ALL_EVENTS, self._hear)
        await self.bus.subscribe(subjects.ALL_HEADS, self._head)

    async def _hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        async with self.changed:
            self.heard.append((to, msgspec.json.decode(payload, type=EventView), headers))
            self.changed.notify_all()

    async def _head(self, to: Address, payload: bytes, headers: Headers) -> None:
        beacon = msgspec.json.decode(payload, type=HeadBeacon)
        assert beacon.p == to.p
        assert all(subjects.partition(head.app, head.room) == to.p for head in beacon.heads)
        async with self.changed:
            self.heads.extend(beacon.heads)
            self.changed.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S), self.changed:
            await self.changed.wait_for(true)

    async def write(self, key: LogKey, *events: ev.Event, creates: bool = False) -> tuple[Record, ...]:
        """Commits events that nobody publishes."""
        await self.people.load(frozenset(sealing.actor_of(e) for e in events if sealing.needs_key(e)))
        made = tuple(self._new(key, event) for event in events)
        unit = AppendUnit(
            APP, str(uuid4()), "test", b"", appends=(Append(key, events[0].AGGREGATE, None, made, creates),)
        )
        (outcome,) = await self.log.append((unit,))
        assert isinstance(outcome, Committed)
        return outcome.records

    def _new(self, key: LogKey, event: ev.Event) -> NewEvent:
        data = sealing.seal_event(self.people, event)
        envelope = Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, sealing.actor_of(event), "", "", "", data)
        return NewEvent(event.TAG, int(event.AUDIENCE), encode_envelope(envelope))

    async def join(self, key: LogKey, user: str) -> ev.UserJoined:
        actor = await self.people.actor(APP, user)
        joined = ev.UserJoined(f"s-{user}", actor, user, user.title())
        await self.write(key, joined)
        return joined

    async def head(self, room: str, query: HeadQuery = HeadQuery()) -> Head:  # noqa: B008 frozen
        return await self.bus.request(subjects.query(APP, room, "head"), query, Head, WITHIN_S)

    async def replay(self, room: str, query: ReplayQuery = ReplayQuery()) -> Replay:  # noqa: B008 frozen
        return await self.bus.request(subjects.query(APP, room, "replay"), query, Replay, WITHIN_S)

    async def snapshot(self, room: str, query: SnapshotQuery = SnapshotQuery()) -> Snapshot:  # noqa: B008 frozen
        return await self.bus.request(subjects.query(APP, room, "snapshot"), query, Snapshot, WITHIN_S)


@pytest.fixture
def settings(environment: Callable[[str], dict[str, str]]) -> RecordSettings:
    return load(RecordSettings, environment("record") | {"PARLOUR_RECORD_BEACON_MS": "200"})


@pytest.fixture
async def witness(environment: Callable[[str], dict[str, str]]) -> AsyncIterator[Harness]:
    """Without the service."""
    async with AsyncExitStack() as stack:
        writer = load(RuntimeSettings, environment("room"))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        pool = await create_pool(writer.postgres_dsn, name="test")
        stack.push_async_callback(pool.close)
        made = Harness(bus, PostgresLog(pool), PostgresUserKeyStore(pool, writer.master_key))
        await made.listen()
        yield made


@pytest.fixture
async def harness(witness: Harness, settings: RecordSettings) -> AsyncIterator[Harness]:
    async with build(settings):
        yield witness


async def opened(harness: Harness, room: str = "") -> LogKey:
    key = new_log(room, APP)
    await harness.write(key, ev.RoomOpened(APP, key.room), creates=True)
    return key


async def test_what_nobody_published_is_published_in_order_and_opened(harness: Harness) -> None:
    key = await opened(harness)
    joined = [await harness.join(key, f"user{i}") for i in range(5)]
    await harness.until(lambda: len([v for _, v, _ in harness.heard if v.room == key.room]) >= 6)
    mine = [(to, view, headers) for to, view, headers in harness.heard if view.room == key.room]
    assert [view.seq for _, view, _ in mine] == [1, 2, 3, 4, 5, 6]
    to, view, headers = mine[1]
    assert (to.room, to.verb, view.user_id, view.actor) == (key.room, "room", "user0", joined[0].actor)
    assert msgspec.json.decode(view.data, type=ev.UserJoined) == joined[0]
    assert headers["Nats-Msg-Id"] == f"{key.uid}:2"
    assert headers["Parlour-Hash"] == view.hash


async def test_what_was_published_is_not_published_again(harness: Harness) -> None:
    told = await opened(harness)
    subject = subjects.events(APP, told.room, "room")
    (record,) = await harness.write(told, ev.UserLeft("s", str(uuid4()), "logout"))
    (view,) = await sealing.open_records(harness.people, (record,))
    await harness.bus.publish(subject, msgspec.json.encode(view), {"Nats-Msg-Id": f"{told.uid}:2"})
    (after,) = await harness.write(told, ev.UserLeft("s2", str(uuid4()), "logout"))
    await harness.until(lambda: any(v.room == told.room and v.seq == after.seq for _, v, _ in harness.heard))
    assert [v.seq for _, v, _ in harness.heard if v.room == told.room].count(2) == 1


async def test_heads_of_changed_rooms_are_told(harness: Harness) -> None:
    key = await opened(harness, "dots.and/slashes>")
    (record,) = await harness.write(key, ev.UserLeft("s", str(uuid4()), "logout"))
    await harness.until(lambda: any(head.room_uid == str(key.uid) and head.seq == 2 for head in harness.heads))
    head = next(head for head in harness.heads if head.room_uid == str(key.uid) and head.seq == 2)
    assert head == RoomHead(APP, key.room, str(key.uid), 2, record.hash.hex()[:16])


async def test_head_and_replay(harness: Harness) -> None:
    key = await opened(harness, "a.room")
    for i in range(9):
        await harness.join(key, f"u{i}")
    assert await harness.head("never") == Head()
    assert await harness.replay("never") == Replay(Head())
    head = await harness.head(key.room)
    assert (head.room_uid, head.seq, head.open) == (str(key.uid), 10, True)
    page = await harness.replay(key.room, ReplayQuery(after=2, limit=5))
    assert [view.seq for view in page.events] == [3, 4, 5, 6, 7]
    assert page.more
    assert page.head == head
    rest = await harness.replay(key.room, ReplayQuery(str(key.uid), 7, 500, page.events[-1].hash[:16]))
    assert [view.seq for view in rest.events] == [8, 9, 10]
    assert not rest.more
    assert not rest.diverged


async def test_a_foreign_history_is_told_apart(harness: Harness) -> None:
    key = await opened(harness)
    good = (await harness.replay(key.room)).events[0].hash[:16]
    assert not (await harness.replay(key.room, ReplayQuery(after=1, hash8=good))).diverged
    assert not (await harness.replay(key.room, ReplayQuery(after=0, hash8="0" * 16))).diverged
    assert (await harness.replay(key.room, ReplayQuery(after=1, hash8="f" * 16))).diverged
    assert (await harness.replay(key.room, ReplayQuery(after=0, hash8=good))).diverged
    assert (await harness.replay(key.room, ReplayQuery(after=9, hash8=good))).diverged


async def test_a_life_of_another_room_is_not_shown(harness: Harness) -> None:
    key, other = await opened(harness), await opened(harness)
    assert await harness.head(other.room, HeadQuery(str(key.uid))) == Head()
    with pytest.raises(Rejection) as unknown:
        await harness.replay(other.room, ReplayQuery(str(key.uid)))
    assert unknown.value.problem.code == Code.NOT_FOUND
    nonsense = (await harness.snapshot(other.room, SnapshotQuery("latest"))).problem
    assert nonsense is not None
    assert nonsense.code == Code.PARAMETER


async def test_state_as_of_any_event_and_any_time(harness: Harness) -> None:
    key = await opened(harness)
    ann = await harness.join(key, "ann")
    await harness.join(key, "bob")
    await harness.write(key, ev.UserLeft(ann.session_id, ann.actor, "logout"))
    now = (await harness.snapshot(key.room)).state
    assert now is not None
    assert [user.user_id for user in now.users] == ["bob"]
    assert now.hash == (await harness.head(key.room)).hash
    times: list[int] = []
    for seq, users in enumerate(([], [], ["ann"], ["ann", "bob"], ["bob"])):
        state = (await harness.snapshot(key.room, SnapshotQuery(seq=seq))).state
        assert state is not None
        assert [user.user_id for user in state.users] == users
        times.append(state.at)
    for seq in (1, 2, 3, 4):
        state = (await harness.snapshot(key.room, SnapshotQuery(at=times[seq]))).state
        assert state is not None
        assert state.seq == max(i for i in range(5) if times[i] <= times[seq])
    before = (await harness.snapshot(key.room, SnapshotQuery(at=times[1] - 1))).state
    assert before is not None
    assert (before.seq, before.open) == (0, False)
    beyond = (await harness.snapshot(key.room, SnapshotQuery(seq=5))).problem
    assert beyond is not None
    assert beyond.code == Code.NOT_FOUND
    assert (await harness.snapshot("never")).state is None


async def test_a_page_stays_below_what_nats_carries(harness: Harness) -> None:
    key = await opened(harness)
    actor = await harness.people.actor(APP, "talker")
    await harness.write(key, *(ev.UserJoined("s", actor, "talker", "\x01" * 1024) for _ in range(300)))
    after = 0
    while True:
        page = await harness.replay(key.room, ReplayQuery(after=after))
        assert [view.seq for view in page.events] == list(range(after + 1, after + 1 + len(page.events)))
        after = page.events[-1].seq
        if not page.more:
            break
    assert after == 301


async def test_what_happened_while_no_record_ran_is_published_when_one_does(
    witness: Harness, settings: RecordSettings
) -> None:
    def seen() -> list[int]:
        return [view.seq for _, view, _ in witness.heard if view.room == key.room]

    async with build(settings):
        key = await opened(witness)
        await witness.until(lambda: seen() == [1])
    await witness.join(key, "ann")
    assert seen() == [1]
    async with build(settings):
        await witness.until(lambda: 2 in seen())


async def test_of_two_replicas_one_publishes_and_the_other_takes_over(
    witness: Harness, settings: RecordSettings
) -> None:
    def seen() -> list[int]:
        return [view.seq for _, view, _ in witness.heard if view.room == key.room]

    second = build(settings)
    async with build(settings):
        key = await opened(witness)
        await witness.until(lambda: seen() == [1])
        await second.__aenter__()
        for user in ("ann", "bob", "cat"):
            await witness.join(key, user)
        await witness.until(lambda: len(seen()) >= 4)
        assert seen() == [1, 2, 3, 4]
    await witness.join(key, "dan")
    await witness.until(lambda: 5 in seen())
    await second.__aexit__(None, None, None)
