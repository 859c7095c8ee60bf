"""No event of an endpoint is missed and none overtakes another of its room: rules 1 to 5 of `parlour.record.domain.webhooks.progress`."""

import itertools
import random
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import given, settings

from parlour.kernel.log import LogKey, Record
from parlour.record.domain.webhooks import progress as limits
from parlour.record.domain.webhooks.progress import Progress, RoomBacklog

ROOMS = [LogKey(1, f"r{n}", UUID(int=n + 1)) for n in range(4)]
SHARDS = 2


def record(room: int, seq: int, pos: int) -> Record:
    return Record(ROOMS[room], seq, 0, room % SHARDS, pos, "room", 1, "room.opened.v1", 0, b"", b"", b"")


class Log:
    """Rooms in two shards; every third event is not wanted."""

    def __init__(self, rooms: list[int]) -> None:
        self.of_room: dict[UUID, list[Record]] = {key.uid: [] for key in ROOMS}
        self.of_shard: dict[int, list[Record]] = {p: [] for p in range(SHARDS)}
        for room in rooms:
            p, uid = room % SHARDS, ROOMS[room].uid
            made = record(room, len(self.of_room[uid]) + 1, len(self.of_shard[p]) + 1)
            self.of_room[uid].append(made)
            self.of_shard[p].append(made)

    @staticmethod
    def wanted(record: Record) -> bool:
        return record.seq % 3 != 0


class Endpoint:
    """Remembers what came; says no by chance."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.came: dict[UUID, list[int]] = {key.uid: [] for key in ROOMS}
        self.willing = False

    def takes(self, record: Record) -> bool:
        if not self.willing and self.chance.random() < 0.4:
            return False
        self.came[record.log.uid].append(record.seq)
        return True


class Store:
    """What a crash leaves."""

    def __init__(self) -> None:
        self.cursors: dict[int, int] = {}
        self.lanes: dict[UUID, RoomBacklog] = {}

    def keep(self, progress: Progress) -> None:
        changes = progress.changes()
        self.cursors |= changes.cursors
        for ended in changes.ended:
            self.lanes.pop(ended, None)
        self.lanes |= {lane.id: lane for lane in changes.lanes}

    def start(self) -> Progress:
        return Progress(
            self.cursors, [RoomBacklog(one.id, one.room_uid, one.p, one.after, one.to) for one in self.lanes.values()]
        )


def step(progress: Progress, log: Log, endpoint: Endpoint, chance: random.Random) -> None:
    match chance.randrange(3):
        case 0 if not progress.full:
            p = chance.randrange(SHARDS)
            after = progress.read_to(p)
            progress.take(p, log.of_shard[p][after : after + 3], log.wanted)
        case 1:
            record = progress.begin()
            if record is not None:
                progress.delivered(record) if endpoint.takes(record) else progress.failed(record)
        case _:
            lane = progress.begin_lane(0.0)
            if lane is not None:
                deliver_lane(progress, lane, log, endpoint)


def deliver_lane(progress: Progress, lane: RoomBacklog, log: Log, endpoint: Endpoint) -> None:
    """While the room's log is read and delivered, its shard is read on."""
    read = progress.read_to(lane.p)
    if endpoint.chance.random() < 0.5:
        progress.take(lane.p, log.of_shard[lane.p][read : read + 2], log.wanted)
    for record in log.of_room[lane.room_uid]:
        if record.seq <= lane.after or record.pos > read:
            continue
        if log.wanted(record) and not endpoint.takes(record):
            progress.rest(lane, 0.0)
            return
        progress.advanced(lane, record.seq)
    if not progress.end_if_done(lane, read):
        progress.rest(lane, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 2**32))
def test_every_wanted_event_comes_in_order_whatever_fails_or_crashes(rooms: list[int], seed: int) -> None:
    chance, log, store = random.Random(seed), Log(rooms), Store()
    endpoint = Endpoint(chance)
    progress = store.start()
    for _ in range(60):
        step(progress, log, endpoint, chance)
        if chance.random() < 0.2:
            store.keep(progress)
        if chance.random() < 0.1:
            progress = store.start()
    endpoint.willing = True
    for _ in range(400):
        step(progress, log, endpoint, chance)
    store.keep(progress)
    for uid, records in log.of_room.items():
        came = endpoint.came[uid]
        assert list(dict.fromkeys(came)) == [one.seq for one in records if log.wanted(one)]
        # a crash may send some again, but never one before another that came later for the first time
        assert all(later - before <= 2 for before, later in itertools.pairwise(came))
    assert not store.lanes
    assert store.cursors == {p: len(records) for p, records in log.of_shard.items() if records}


def test_a_room_that_fails_holds_up_no_other_and_is_kept_once() -> None:
    progress = Progress({})
    progress.take(0, [record(0, 1, 1), record(2, 1, 2), record(0, 2, 3)], lambda one: True)
    first, second = progress.begin(), progress.begin()
    assert first is not None and second is not None
    assert progress.begin() is None, "each room has one under way"
    progress.failed(first)
    assert progress.changes().cursors == {0: 1}, "the other room's event is still in hand"
    progress.delivered(second)
    changes = progress.changes()
    assert changes.cursors == {0: 3}
    assert progress.in_hand == 0
    assert [lane.after for lane in progress.lanes.values()] == [0]


def test_nothing_is_taken_beyond_the_limits() -> None:
    progress = Progress({})
    progress.take(0, [record(0, n, n) for n in range(1, limits.HAND_MOST + 1)], lambda one: True)
    assert progress.full
    lagging = [RoomBacklog(UUID(int=n), UUID(int=n), 0, 0) for n in range(limits.LANES_MOST)]
    assert Progress({}, lagging).full
    assert not Progress({}, lagging[1:]).full


def test_a_range_sent_again_ends_at_its_end_and_leaves_the_cursor_alone() -> None:
    progress = Progress({0: 9})
    again = RoomBacklog(UUID(int=99), ROOMS[0].uid, 0, after=1, to=3)
    progress.add_lane(again)
    lane = progress.begin_lane(0.0)
    assert lane is not None and lane is again
    assert progress.begin_lane(0.0) is None
    progress.advanced(lane, 2)
    assert not progress.end_if_done(lane, 9)
    progress.advanced(lane, 3)
    assert progress.end_if_done(lane, 9)
    changes = progress.changes()
    assert (changes.cursors, changes.ended) == ({}, (again.id,))


def failing_lane(progress: Progress, error: str, due_s: float) -> RoomBacklog:
    """A room's lane whose first attempt failed."""
    progress.take(0, [record(0, 1, 1)], lambda one: True)
    begun = progress.begin()
    assert begun is not None
    lane = progress.failed(begun)
    lane.attempts, lane.error = 1, error
    progress.rest(lane, due_s)
    return lane


def test_a_room_without_an_answer_is_due_early_once_when_the_endpoint_is_back() -> None:
    progress = Progress({})
    lane = failing_lane(progress, "no answer in time", 500.0)
    assert progress.begin_lane(100.0) is None
    assert progress.next_due_s() == 500.0
    progress.hasten(100.0)
    assert progress.begin_lane(100.0) is lane
    assert lane.scheduled_s == 500.0
    progress.rest(lane, 500.0)
    progress.hasten(101.0)
    assert progress.begin_lane(101.0) is None, "one early attempt for each that is due by itself"
    assert progress.begin_lane(500.0) is lane
    lane.attempts = 2
    progress.rest(lane, 3000.0)
    progress.hasten(600.0)
    assert progress.begin_lane(600.0) is lane


def test_a_room_that_was_refused_keeps_its_pause_whatever_other_rooms_do() -> None:
    progress = Progress({})
    failing_lane(progress, "HTTP 429", 500.0)
    progress.hasten(100.0)
    assert progress.begin_lane(499.0) is None


def test_ranges_of_one_life_go_one_after_the_other() -> None:
    progress = Progress({0: 9})
    later, first = (
        RoomBacklog(UUID(int=90 + n), ROOMS[0].uid, 0, after=after, to=after + 1) for n, after in enumerate((5, 2))
    )
    other = RoomBacklog(UUID(int=99), ROOMS[2].uid, 0, after=0, to=1)
    for lane in (later, first, other):
        progress.add_lane(lane)
    begun = [progress.begin_lane(0.0) for _ in range(3)]
    assert begun[2] is None
    assert {lane.id for lane in begun if lane is not None} == {first.id, other.id}
    assert progress.next_due_s() is None, "nothing to wake up for: the range waits for the one before it"
    progress.rest(first, 50.0)
    assert progress.begin_lane(49.0) is None
    assert progress.begin_lane(50.0) is first
    progress.advanced(first, 3)
    assert progress.end_if_done(first, 9)
    assert progress.begin_lane(51.0) is later
