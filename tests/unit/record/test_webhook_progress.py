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
        self.backlogs: dict[UUID, RoomBacklog] = {}

    def keep(self, progress: Progress) -> None:
        changes = progress.take_changes()
        self.cursors |= changes.cursors
        for ended in changes.ended:
            self.backlogs.pop(ended, None)
        self.backlogs |= {backlog.id: backlog for backlog in changes.backlogs}

    def start(self) -> Progress:
        return Progress(
            self.cursors,
            [RoomBacklog(one.id, one.room_uid, one.p, one.after, one.to) for one in self.backlogs.values()],
        )


def step(progress: Progress, log: Log, endpoint: Endpoint, chance: random.Random) -> None:
    match chance.randrange(3):
        case 0 if not progress.is_full:
            p = chance.randrange(SHARDS)
            after = progress.read_to(p)
            progress.take(p, log.of_shard[p][after : after + 3], log.wanted)
        case 1:
            record = progress.next_event()
            if record is not None:
                progress.mark_delivered(record) if endpoint.takes(record) else progress.mark_failed(record)
        case _:
            backlog = progress.next_backlog(0.0)
            if backlog is not None:
                deliver_backlog(progress, backlog, log, endpoint)


def deliver_backlog(progress: Progress, backlog: RoomBacklog, log: Log, endpoint: Endpoint) -> None:
    """While the room's log is read and delivered, its shard is read on."""
    read = progress.read_to(backlog.p)
    if endpoint.chance.random() < 0.5:
        progress.take(backlog.p, log.of_shard[backlog.p][read : read + 2], log.wanted)
    for record in log.of_room[backlog.room_uid]:
        if record.seq <= backlog.after or record.pos > read:
            continue
        if log.wanted(record) and not endpoint.takes(record):
            progress.pause(backlog, 0.0)
            return
        progress.advance(backlog, record.seq)
    if not progress.end_if_done(backlog, read):
        progress.pause(backlog, 0.0)


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
    assert not store.backlogs
    assert store.cursors == {p: len(records) for p, records in log.of_shard.items() if records}


def test_a_room_that_fails_holds_up_no_other_and_is_kept_once() -> None:
    progress = Progress({})
    progress.take(0, [record(0, 1, 1), record(2, 1, 2), record(0, 2, 3)], lambda one: True)
    first, second = progress.next_event(), progress.next_event()
    assert first is not None and second is not None
    assert progress.next_event() is None, "each room has one under way"
    progress.mark_failed(first)
    assert progress.take_changes().cursors == {0: 1}, "the other room's event is still in hand"
    progress.mark_delivered(second)
    changes = progress.take_changes()
    assert changes.cursors == {0: 3}
    assert progress.in_memory == 0
    assert [backlog.after for backlog in progress.backlogs.values()] == [0]


def test_nothing_is_taken_beyond_the_limits() -> None:
    progress = Progress({})
    progress.take(0, [record(0, n, n) for n in range(1, limits.EVENTS_IN_MEMORY + 1)], lambda one: True)
    assert progress.is_full
    lagging = [RoomBacklog(UUID(int=n), UUID(int=n), 0, 0) for n in range(limits.BACKLOGS_MOST)]
    assert Progress({}, lagging).is_full
    assert not Progress({}, lagging[1:]).is_full


def test_a_range_sent_again_ends_at_its_end_and_leaves_the_cursor_alone() -> None:
    progress = Progress({0: 9})
    again = RoomBacklog(UUID(int=99), ROOMS[0].uid, 0, after=1, to=3)
    progress.add_backlog(again)
    backlog = progress.next_backlog(0.0)
    assert backlog is not None and backlog is again
    assert progress.next_backlog(0.0) is None
    progress.advance(backlog, 2)
    assert not progress.end_if_done(backlog, 9)
    progress.advance(backlog, 3)
    assert progress.end_if_done(backlog, 9)
    changes = progress.take_changes()
    assert (changes.cursors, changes.ended) == ({}, (again.id,))


def failing_backlog(progress: Progress, error: str, due_s: float) -> RoomBacklog:
    """A room's backlog whose first attempt failed."""
    progress.take(0, [record(0, 1, 1)], lambda one: True)
    begun = progress.next_event()
    assert begun is not None
    backlog = progress.mark_failed(begun)
    backlog.attempts, backlog.error = 1, error
    progress.pause(backlog, due_s)
    return backlog


def test_a_room_without_an_answer_is_due_early_once_when_the_endpoint_is_back() -> None:
    progress = Progress({})
    backlog = failing_backlog(progress, "no answer in time", 500.0)
    assert progress.next_backlog(100.0) is None
    assert progress.next_due_s() == 500.0
    progress.retry_early(100.0)
    assert progress.next_backlog(100.0) is backlog
    assert backlog.scheduled_s == 500.0
    progress.pause(backlog, 500.0)
    progress.retry_early(101.0)
    assert progress.next_backlog(101.0) is None, "one early attempt for each that is due by itself"
    assert progress.next_backlog(500.0) is backlog
    backlog.attempts = 2
    progress.pause(backlog, 3000.0)
    progress.retry_early(600.0)
    assert progress.next_backlog(600.0) is backlog


def test_a_room_that_was_refused_keeps_its_pause_whatever_other_rooms_do() -> None:
    progress = Progress({})
    failing_backlog(progress, "HTTP 429", 500.0)
    progress.retry_early(100.0)
    assert progress.next_backlog(499.0) is None


def test_ranges_of_one_call_go_one_after_the_other() -> None:
    progress = Progress({0: 9})
    later, first = (
        RoomBacklog(UUID(int=90 + n), ROOMS[0].uid, 0, after=after, to=after + 1) for n, after in enumerate((5, 2))
    )
    other = RoomBacklog(UUID(int=99), ROOMS[2].uid, 0, after=0, to=1)
    for backlog in (later, first, other):
        progress.add_backlog(backlog)
    begun = [progress.next_backlog(0.0) for _ in range(3)]
    assert begun[2] is None
    assert {backlog.id for backlog in begun if backlog is not None} == {first.id, other.id}
    assert progress.next_due_s() is None, "nothing to wake up for: the range waits for the one before it"
    progress.pause(first, 50.0)
    assert progress.next_backlog(49.0) is None
    assert progress.next_backlog(50.0) is first
    progress.advance(first, 3)
    assert progress.end_if_done(first, 9)
    assert progress.next_backlog(51.0) is later
