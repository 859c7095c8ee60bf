"""A room's cursor: whatever the gateways repeat, lose or mix up, what is given is the log, once and in order, or a resync."""

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parlour.client.cursor import RoomCursor
from parlour.client.folding import fold
from parlour.client.items import Event, Item, Resync, Skip
from parlour.client.position import Position

LIFE = "01a1fe90-8a89-7380-8d79-9eab291a37a6"
Frame = dict[str, Any]


def hash8(seq: int, of: str = "log") -> str:
    return hashlib.sha256(f"{of}{seq}".encode()).hexdigest()[:16] if seq else "0" * 16


def position(seq: int, of: str = "log") -> str:
    return f"{LIFE}.{seq}.{hash8(seq, of)}"


def ev(seq: int, of: str = "log") -> Frame:
    return {
        "t": "ev", "roomID": "r", "pos": position(seq, of), "seq": seq, "prev": hash8(seq - 1, of), "at": seq,
        "type": "im.broadcast_sent.v1", "data": {"text": str(seq)},
    }  # fmt: skip


def skip(first: int, to: int) -> Frame:
    return {"t": "skip", "roomID": "r", "from": first, "to": to, "pos": position(to)}


def lists(seq: int, of: str = "log") -> Frame:
    return {"pos": position(seq, of), "position": position(seq, of), "users": [], "streams": [], "extraInfo": []}


def snap(seq: int, of: str = "log") -> Frame:
    return {"t": "snap", "roomID": "r", **lists(seq, of)}


def taken(cursor: RoomCursor, *frames: Frame) -> list[Item]:
    return [item for frame in frames if (item := cursor.handle_frame(frame)) is not None]


def entered(seq: int) -> RoomCursor:
    cursor = RoomCursor("r")
    assert isinstance(cursor.handle_login(lists(seq)), Resync)
    return cursor


def test_repetitions_are_dropped_and_a_gap_is_asked_for_once() -> None:
    cursor = entered(3)
    assert [item.position.seq for item in taken(cursor, ev(3), ev(4), ev(4), ev(6))] == [4]
    assert cursor.needs_resume
    cursor.note_resume_sent()
    assert taken(cursor, ev(7)) == []
    assert not cursor.needs_resume, "it was asked for already"
    cursor.note_resume_answered()
    assert [item.position.seq for item in taken(cursor, ev(5), ev(6), ev(7))] == [5, 6, 7]


def test_an_event_of_another_history_is_not_applied() -> None:
    cursor = entered(3)
    assert taken(cursor, ev(4, of="fork")) == []
    assert cursor.needs_resume
    cursor.note_resume_sent()
    cursor.note_resume_answered()
    (resync,) = taken(cursor, {"t": "resync", "roomID": "r", "reason": "diverged"}, snap(5, of="fork"))
    assert isinstance(resync, Resync)
    assert resync.reason == "diverged"
    assert [item.position.seq for item in taken(cursor, ev(6, of="fork"))] == [6]


def test_a_login_later_than_what_is_held_asks_for_what_lies_between() -> None:
    cursor = RoomCursor("r", Position.parse(position(2)))
    assert cursor.handle_login(lists(9)) is None
    assert cursor.needs_resume
    assert str(cursor.position) == position(2)


def test_a_login_to_a_new_call_is_a_resync() -> None:
    cursor = RoomCursor("r", Position("01a1fe90-0000-7000-8000-000000000000", 40, hash8(40)))
    resync = cursor.handle_login(lists(1))
    assert isinstance(resync, Resync)
    assert resync.reason == "new_call"


def test_a_head_beyond_what_is_held_reveals_a_lost_tail() -> None:
    cursor = entered(3)
    taken(cursor, {"t": "head", "roomID": "r", "pos": position(3)})
    assert not cursor.needs_resume
    taken(cursor, {"t": "head", "roomID": "r", "pos": position(4)})
    assert cursor.needs_resume


class Gateway:
    """Serves a log badly: drops, repeats and reorders frames as told, but answers a resume with the truth."""

    def __init__(self, cursor: RoomCursor, readable: list[bool]) -> None:
        self.cursor = cursor
        self.readable = readable
        self.given: list[Item] = []

    def frame(self, seq: int) -> Frame:
        return ev(seq) if self.readable[seq - 1] else skip(seq, seq)

    def send(self, frame: Frame) -> None:
        self.given += taken(self.cursor, frame)
        if self.cursor.needs_resume:
            self.answer(len(self.readable))

    def answer(self, head: int, *, snapshot: bool = False) -> None:
        self.cursor.note_resume_sent()
        held = self.cursor.position
        assert held is not None
        self.cursor.note_resume_answered()
        frames = [snap(head)] if snapshot else [self.frame(seq) for seq in range(held.seq + 1, head + 1)]
        self.given += taken(self.cursor, *frames)


@given(
    st.lists(st.booleans(), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["frame", "lost", "snapshot"])), max_size=40),
)
def test_any_disorder_gives_the_log(readable: list[bool], script: list[tuple[int, str]]) -> None:
    gateway = Gateway(entered(0), readable)
    for number, what in script:
        seq = min(number, len(readable))
        if what == "frame":
            gateway.send(gateway.frame(seq))
        elif what == "lost":
            gateway.cursor.handle_lost()
        elif gateway.cursor.position and seq >= gateway.cursor.position.seq:
            gateway.answer(seq, snapshot=True)
    gateway.answer(len(readable))
    at = 0
    for item in gateway.given:
        if isinstance(item, Resync):
            assert item.position.seq >= at
        else:
            first = item.first if isinstance(item, Skip) else item.position.seq
            assert first == at + 1
        at = item.position.seq
    assert at == len(readable)
    folded = fold([Resync("r", Position.parse(position(0)), fold_start(), "start"), *gateway.given])
    assert folded is not None
    assert folded.position == gateway.cursor.position
    assert all(
        isinstance(item, Event) or not readable[item.position.seq - 1] or isinstance(item, Resync)
        for item in gateway.given
    )


def fold_start() -> Any:
    from parlour.client.state import State

    return State.before("r", LIFE)
