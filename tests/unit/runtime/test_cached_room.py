"""A room's state in memory equals the fold of its log, whatever order, repetition or loss NATS delivers it in.

Invariants: 1. The committed state is the fold of a prefix of the log. 2. The speculative one is that plus the proposals. 3. Once all is
resolved and read, both equal the whole log. 4. A gap or a contradiction asks for a read of the log.
"""

from random import Random
from uuid import UUID, uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import Append, LogHead, LogKey
from parlour.runtime.deciding.cached_room import GENESIS_HASH, CachedRoom, Proposal

Names = tuple[str, ...]


def evolve(state: Names, event: ev.Event) -> Names:
    return (*state, event.key) if isinstance(event, ev.RoomExtraInfoChanged) else state


def cached_room() -> CachedRoom[Names]:
    made: CachedRoom[Names] = CachedRoom(7, "room", Aggregate("room", (), evolve))
    made.loaded = True
    return made


class History:
    """A log of one life that a test appends to."""

    def __init__(self) -> None:
        self.key = LogKey(7, "room", uuid4())
        self.views: list[EventView] = []
        self.add(ev.RoomOpened(7, "room"))

    def add(self, event: ev.Event, command_id: str = "") -> EventView:
        own = event.AGGREGATE == "room"
        version = sum(view.type.startswith("room.") for view in self.views) + 1 if own else 0
        seq = len(self.views) + 1
        view = EventView(
            7, "room", str(self.key.uid), seq, seq, f"{seq:064x}", self.views[-1].hash if self.views else GENESIS_HASH, event.TAG, 0,
            msgspec.Raw(msgspec.json.encode(event)), command_id=command_id, version=version,
        )  # fmt: skip
        self.views.append(view)
        return view

    @property
    def head(self) -> LogHead:
        last = self.views[-1]
        return LogHead(self.key, last.seq, bytes.fromhex(last.hash), last.at, True, {})

    @property
    def keys(self) -> Names:
        return tuple(
            msgspec.json.decode(view.data, type=ev.RoomExtraInfoChanged).key
            for view in self.views
            if view.type == ev.RoomExtraInfoChanged.TAG
        )


def changed(key: str) -> ev.RoomExtraInfoChanged:
    return ev.RoomExtraInfoChanged("actor", key, "value")


def read(room: CachedRoom[Names], history: History) -> None:
    """What `StateCache` does when it reads the log."""
    room.begin_read()
    room.apply_head(history.head, room.seq)
    for view in history.views[room.seq :]:
        room.apply(view)
    room.end_read()


@given(st.lists(st.tuples(st.sampled_from(["room", "im"]), st.integers(0, 9)), min_size=1, max_size=30), st.randoms())
def test_any_delivery_ends_in_the_fold_of_the_log(events: list[tuple[str, int]], random: Random) -> None:
    history = History()
    for aggregate, number in events:
        history.add(changed(str(number)) if aggregate == "room" else ev.BroadcastSent("s", "actor", "text"))
    delivered = [view for view in history.views for _ in range(random.choice((0, 1, 1, 2)))]
    for place in range(0, len(delivered), 4):
        part = delivered[place : place + 4]
        random.shuffle(part)
        delivered[place : place + 4] = part
    room = cached_room()
    for view in delivered:
        room.apply(view)
        assert room.committed().state == history.keys[: len(room.committed().state)]
    if room.seq == len(history.views) and not room.needs_read(False):
        assert room.speculative().state == history.keys
    read(room, history)
    assert (room.speculative().state, room.seq, room.hash) == (history.keys, len(history.views), history.views[-1].hash)
    assert room.speculative().version == sum(view.type.startswith("room.") for view in history.views)
    assert not room.needs_read(False)


@given(st.lists(st.sampled_from(["propose", "commit", "fail", "deliver", "foreign", "message"]), max_size=60))
def test_the_speculative_state_is_the_committed_one_with_all_proposals(steps: list[str]) -> None:
    history, room = History(), cached_room()
    room.apply(history.views[0])
    under_way: list[tuple[str, Proposal]] = []
    undelivered: list[EventView] = []
    for number, step in enumerate(steps):
        key = str(number)
        match step:
            case "propose":
                change = Append(history.key, "room", room.speculative().version, (changed(key),))
                under_way.append((key, room.propose(change, f"command-{key}")))
            case "commit" if under_way:
                key, proposal = under_way.pop(0)
                undelivered.append(history.add(changed(key), f"command-{key}"))
                proposal.commit()
            case "fail" if under_way:
                _, proposal = under_way.pop(0)
                proposal.fail(unknown=False)
            case "deliver" if undelivered:
                room.apply(undelivered.pop(0))
            case "foreign":
                undelivered.append(history.add(changed(f"foreign-{key}"), f"foreign-{key}"))
            case "message":
                undelivered.append(history.add(ev.BroadcastSent("s", "actor", "text")))
            case _:
                continue
        waiting = [
            msgspec.json.decode(view.data, type=ev.RoomExtraInfoChanged).key
            for view in undelivered
            if view.command_id.startswith("command")
        ]
        assert room.speculative().state == (*room.committed().state, *waiting, *(key for key, _ in under_way))
    for _, proposal in under_way:
        proposal.fail(unknown=False)
    read(room, history)
    assert room.speculative().state == history.keys
    assert room.proposals == []


def test_an_own_event_that_nats_brings_before_the_commit_returns_counts_once() -> None:
    history, room = History(), cached_room()
    room.apply(history.views[0])
    proposal = room.propose(Append(history.key, "room", 1, (changed("a"),)), "command")
    room.apply(history.add(changed("a"), "command"))
    assert room.speculative().state == ("a",)
    proposal.commit()
    assert (room.speculative().state, room.speculative().version) == (("a",), 2)


def test_another_history_is_noticed_and_read_anew() -> None:
    history, other, room = History(), History(), cached_room()
    other.key = history.key
    for number in range(3):
        history.add(changed(str(number)))
        other.add(changed(f"other-{number}"))
    other.views = [msgspec.structs.replace(view, room_uid=str(history.key.uid)) for view in other.views]
    for view in history.views[:3]:
        room.apply(view)
    room.apply(msgspec.structs.replace(other.views[3], prev="f" * 64))
    assert room.needs_read(True)
    read(room, other)
    assert room.speculative().state == other.keys


def test_a_new_life_replaces_the_old_one() -> None:
    first, second, room = History(), History(), cached_room()
    first.add(changed("old"))
    for view in first.views:
        room.apply(view)
    second.add(changed("new"))
    room.apply(second.views[0])
    assert room.needs_read(True), "the old life's end was never heard"
    room.apply(second.views[1])
    speculative = room.speculative()
    assert speculative.key is not None
    assert (speculative.key.uid, speculative.state) == (UUID(str(second.key.uid)), ("new",))
