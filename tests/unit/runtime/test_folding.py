"""A room's state in memory equals the fold of its log, whatever order, repetition or loss NATS delivers it in.

Invariants: 1. The confirmed part is the fold of a prefix of the log. 2. The tip is that plus the proposals. 3. Once all is settled and
read, both equal the whole log. 4. A gap or a contradiction asks for a read of the log.
"""

from random import Random
from uuid import UUID, uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.log import LogHead, LogKey
from parlour.runtime.deciding.commit import Change
from parlour.runtime.deciding.folding import NO_HASH, Folding, Proposal

Names = tuple[str, ...]


def evolve(state: Names, event: ev.Event) -> Names:
    return (*state, event.key) if isinstance(event, ev.RoomExtraInfoChanged) else state


def folding() -> Folding[Names]:
    made: Folding[Names] = Folding(7, "room", "room", frozenset({"room"}), lambda key: (), evolve, None)
    made.unread = False
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
            7, "room", str(self.key.uid), seq, seq, f"{seq:064x}", self.views[-1].hash if self.views else NO_HASH, event.TAG, 0,
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


def read(room: Folding[Names], history: History) -> None:
    """What `StateCache` does when it reads the log."""
    room.refreshing()
    room.start(history.head, room.seq)
    for view in history.views[room.seq :]:
        room.offer(view)
    room.refreshed()


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
    room = folding()
    for view in delivered:
        room.offer(view)
        assert room.confirmed().state == history.keys[: len(room.confirmed().state)]
    if room.seq == len(history.views) and not room.behind(False):
        assert room.tip().state == history.keys
    read(room, history)
    assert (room.tip().state, room.seq, room.hash) == (history.keys, len(history.views), history.views[-1].hash)
    assert room.tip().version == sum(view.type.startswith("room.") for view in history.views)
    assert not room.behind(False)


@given(st.lists(st.sampled_from(["propose", "commit", "fail", "deliver", "foreign", "message"]), max_size=60))
def test_the_tip_is_what_is_confirmed_and_what_is_under_way(steps: list[str]) -> None:
    history, room = History(), folding()
    room.offer(history.views[0])
    under_way: list[tuple[str, Proposal]] = []
    undelivered: list[EventView] = []
    for number, step in enumerate(steps):
        key = str(number)
        match step:
            case "propose":
                change = Change(history.key, "room", room.tip().version, (changed(key),))
                under_way.append((key, room.propose(change, f"command-{key}")))
            case "commit" if under_way:
                key, proposal = under_way.pop(0)
                undelivered.append(history.add(changed(key), f"command-{key}"))
                proposal.committed()
            case "fail" if under_way:
                _, proposal = under_way.pop(0)
                proposal.failed(doubt=False)
            case "deliver" if undelivered:
                room.offer(undelivered.pop(0))
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
        assert room.tip().state == (*room.confirmed().state, *waiting, *(key for key, _ in under_way))
    for _, proposal in under_way:
        proposal.failed(doubt=False)
    read(room, history)
    assert room.tip().state == history.keys
    assert room.proposals == []


def test_an_own_event_that_nats_brings_before_the_commit_returns_counts_once() -> None:
    history, room = History(), folding()
    room.offer(history.views[0])
    proposal = room.propose(Change(history.key, "room", 1, (changed("a"),)), "command")
    room.offer(history.add(changed("a"), "command"))
    assert room.tip().state == ("a",)
    proposal.committed()
    assert (room.tip().state, room.tip().version) == (("a",), 2)


def test_another_history_is_noticed_and_read_anew() -> None:
    history, other, room = History(), History(), folding()
    other.key = history.key
    for number in range(3):
        history.add(changed(str(number)))
        other.add(changed(f"other-{number}"))
    other.views = [msgspec.structs.replace(view, room_uid=str(history.key.uid)) for view in other.views]
    for view in history.views[:3]:
        room.offer(view)
    room.offer(msgspec.structs.replace(other.views[3], prev="f" * 64))
    assert room.behind(True)
    read(room, other)
    assert room.tip().state == other.keys


def test_a_new_life_replaces_the_old_one() -> None:
    first, second, room = History(), History(), folding()
    first.add(changed("old"))
    for view in first.views:
        room.offer(view)
    second.add(changed("new"))
    room.offer(second.views[0])
    assert room.behind(True), "the old life's end was never heard"
    room.offer(second.views[1])
    tip = room.tip()
    assert tip.key is not None
    assert (tip.key.uid, tip.state) == (UUID(str(second.key.uid)), ("new",))
