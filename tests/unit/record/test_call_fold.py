"""A call's rows say what the kernel's view of the same events says, whatever the events and however they are cut into batches."""

import hashlib
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from parlour.contracts import events as ev
from parlour.contracts import upcasters
from parlour.contracts.envelope import Envelope, EventView, encode_envelope
from parlour.contracts.queries import RoomState
from parlour.kernel.view import apply, empty_room
from parlour.record.domain.projections.calls import CallFold
from parlour.record.domain.projections.facts import UnreadableEvent, fact_of
from parlour.record.domain.projections.rows import TABLES, Row, Rows, columns

UID = "0190a1b2-0000-7000-8000-000000000001"
SECOND = 1_000_000

sessions = st.sampled_from(["s1", "s2", "s3"])
actors = st.sampled_from(["a1", "a2"])
streams = st.sampled_from(["cam", "screen"])
happenings: st.SearchStrategy[ev.Event] = st.one_of(
    st.builds(ev.UserJoined, sessions, actors, st.just("u"), st.just("U")),
    st.builds(ev.UserLeft, sessions, actors, st.just("logout")),
    st.builds(ev.UserKicked, sessions, actors, st.just(1002055)),
    st.builds(ev.UserSuspended, sessions, actors),
    st.builds(ev.UserResumed, sessions, actors),
    st.builds(ev.StreamAdded, streams, sessions, actors, st.sampled_from(["n1", "n2"]), st.just("t")),
    st.builds(ev.StreamUpdated, streams, sessions, actors, st.sampled_from(["n1", "n2"]), st.just("t")),
    st.builds(ev.StreamRemoved, streams, sessions, actors, st.just(1)),
    st.builds(ev.PlayStarted, streams, sessions, actors, st.just("n1"), st.just("t")),
    st.builds(ev.PlayStopped, streams, sessions, actors, st.just("left"), st.just("t"), st.integers(0, 1)),
    st.builds(ev.BroadcastSent, sessions, actors, st.just("hello")),
    st.builds(ev.BarrageSent, sessions, actors, st.just("hello")),
    st.builds(ev.CommandSent, sessions, actors, st.just("hello")),
)


class FoldedCall:
    """One call told twice: as views to the kernel, as stored bytes to the projections, which keep their rows in `tables`."""

    def __init__(self) -> None:
        self.state: RoomState = empty_room(1, "r", UID)
        self.call: CallFold | None = None
        self.out = Rows()
        self.tables: dict[str, dict[tuple[Any, ...], tuple[Any, ...]]] = {table: {} for table, _, _ in TABLES}

    def tell(self, event: ev.Event) -> None:
        seq, at = self.state.seq + 1, (self.state.seq + 1) * 3 * SECOND
        data = msgspec.Raw(msgspec.json.encode(event))
        hash_ = hashlib.sha256(f"{self.state.hash}{seq}{event}".encode()).hexdigest()
        view = EventView(1, "r", UID, seq, at, hash_, self.state.hash, event.TAG, int(event.AUDIENCE), data)
        self.state = apply(self.state, view)
        env = encode_envelope(Envelope(UID, event.AGGREGATE, 0, event.TAG, "", "", "", "", data))
        fact = fact_of(event.TAG, env)
        if isinstance(fact, ev.RoomOpened):
            self.call = CallFold.begin(UUID(UID), at, fact)
        assert self.call is not None
        self.call.apply(seq, at, fact, self.out)

    def flush(self) -> None:
        """As a store writes a batch: new rows must be new, changed ones must be there."""
        for table, kind, key in TABLES:
            for row in self.out.of_table(table):
                values = tuple(getattr(row, name) for name in columns(kind))
                assert (values[:key] in self.tables[table]) == row.stored
                self.tables[table][values[:key]] = values
        self.out.mark_stored()
        self.out = Rows()

    def reload(self) -> None:
        """As after a restart: everything forgotten but the tables."""
        rows = Rows()
        for table, kind, _ in TABLES[1:]:
            for values in self.tables[table].values():
                row = kind(*values, stored=True)
                if open_(row):
                    rows.of_table(table).append(row)
        (call,) = self.tables["call"].values()
        self.call = CallFold(TABLES[0][1](*call, stored=True))  # pyright: ignore[reportArgumentType]
        self.call.load(rows)


def open_(row: Row) -> bool:
    return all(getattr(row, name, None) is None for name in ("left_seq", "removed_seq", "stopped_seq"))


def same(folded: FoldedCall) -> None:
    """Invariants 1 to 3 of the fold."""
    folded.flush()
    state, rows = folded.state, folded.tables
    (call,) = (dict(zip(columns(TABLES[0][1]), values, strict=True)) for values in rows["call"].values())
    assert (call["seq"], call["last_event_at"], call["ended_at"] is None) == (state.seq, state.at, state.open)
    assert call["broadcasts"] + call["barrages"] + call["commands"] == state.messages
    assert call["participants"] == len(rows["participant"])
    sessions_open = [row for row in rows["session"].values() if row[6] is None]
    if state.open:
        assert [(row[2], row[3], row[1], row[13] is not None) for row in sessions_open] == [
            (user.session_id, user.actor, user.joined_seq, user.suspended) for user in state.users
        ]
    else:
        assert not sessions_open
    streams_open = [row for row in rows["stream"].values() if row[6] is None]
    assert [(row[2], row[3], row[4], row[1]) for row in streams_open] == [
        (stream.stream_id, stream.session_id, stream.actor, stream.added_seq) for stream in state.streams
    ]
    playing = {(row[2], row[3]) for row in rows["play"].values() if row[7] is None}
    assert playing == {(stream.stream_id, player) for stream in state.streams for player in stream.players}
    assert sum(sum(row[2:]) for row in rows["messages"].values()) == state.messages


@given(st.lists(st.tuples(happenings, st.sampled_from(["", "", "", "flush", "reload"])), max_size=60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_rows_of_a_call_are_the_fold_of_its_events(told: list[tuple[ev.Event, str]], closes: bool) -> None:
    folded = FoldedCall()
    folded.tell(ev.RoomOpened(1, "r"))
    for event, then in told:
        folded.tell(event)
        if then:
            same(folded)
        if then == "reload":
            folded.reload()
    if closes:
        folded.tell(ev.RoomClosed("empty"))
    same(folded)


def test_a_call_as_a_person_would_tell_it() -> None:
    folded = FoldedCall()
    for event in (
        ev.RoomOpened(1, "r"), ev.UserJoined("s1", "ann", "a", "A"), ev.UserJoined("s2", "bob", "b", "B"),
        ev.StreamAdded("cam", "s1", "ann", "n1", "t", "", "VP8"), ev.PlayStarted("cam", "s2", "bob", "n1", "t"),
        ev.UserSuspended("s2", "bob"), ev.UserResumed("s2", "bob"), ev.BroadcastSent("s2", "bob", "hi"),
        ev.StreamUpdated("cam", "s1", "ann", "n2", "t", "", "VP8"),
        ev.UserKicked("s2", "bob", 1002055, "rude"), ev.UserLeft("s1", "ann", "logout"),
        ev.RoomClosed("empty"),
    ):  # fmt: skip
        folded.tell(event)
    folded.flush()
    call, people, logins, shown, plays, messages = (list(rows.values()) for rows in folded.tables.values())
    uid = UUID(UID)
    assert call == [(uid, 1, "r", 3 * SECOND, 36 * SECOND, "empty", 12, 36 * SECOND, 2, 2, 2, 1, 1, 1, 1, 0, 0)]
    assert people == [
        (uid, "ann", 1, 6 * SECOND, 33 * SECOND, 1, 0, 0),
        (uid, "bob", 1, 9 * SECOND, 30 * SECOND, 1, 1, 1),
    ]
    assert [row[6:12] for row in logins] == [
        (11, 33 * SECOND, "left", "logout", 0, 0), (10, 30 * SECOND, "kicked", "rude", 1002055, 1)
    ]  # fmt: skip
    assert logins[1][12] == 3 * SECOND
    assert shown == [(uid, 4, "cam", "s1", "ann", 12 * SECOND, 12, 36 * SECOND, 0, "VP8", True, True, '["n1","n2"]')]
    assert plays == [(uid, 5, "cam", "s2", "bob", "ann", 15 * SECOND, 12, 36 * SECOND, "closed")]
    assert messages == [(uid, 20 * SECOND, 1, 0, 0)]


def test_a_former_type_is_read_as_the_one_that_took_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def turn(data: bytes) -> bytes:
        old = msgspec.json.decode(data)
        return msgspec.json.encode({"sessionID": old["session"], "actor": "a", "reason": "logout"})

    monkeypatch.setitem(upcasters.UPCASTERS, "room.user_went.v1", ("room.user_left.v1", turn))
    env = Envelope(UID, "room", 0, "room.user_went.v1", "", "", "", "", msgspec.Raw(b'{"session":"s1"}'))
    assert fact_of("room.user_went.v1", encode_envelope(env)) == ev.UserLeft("s1", "a", "logout")


def test_a_type_without_rows_is_no_damage() -> None:
    assert fact_of(ev.RoomExtraInfoChanged.TAG, b"{}") is None


@pytest.mark.parametrize(
    ("type_", "env"),
    [
        ("room.of_a_later_version.v9", b"{}"),
        ("room.user_left.v1", b'{"data":{"sessionID":7}}'),
        ("room.user_left.v1", b"not json"),
        ("room.user_left.v1", b'{"data":{"sessionID":"\xff"}}'),
    ],
)
def test_what_is_no_event_is_told(type_: str, env: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        fact_of(type_, env)
