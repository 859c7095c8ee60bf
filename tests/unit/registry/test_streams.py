"""The decider of `streams`: each invariant of `parlour.registry.domain.streams` by its number."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import Invalid
from parlour.kernel.decider import fold
from parlour.kernel.rejection import Rejection
from parlour.registry.app.leaver_reactor import removal_code
from parlour.registry.domain.streams import (
    INITIAL,
    EndPlay,
    EndSession,
    EndTransport,
    Mutes,
    PutStream,
    RemoveStream,
    SetExtra,
    SetMutes,
    StartPlay,
    State,
    Stream,
    StreamCommand,
    evolve,
)
from parlour.registry.domain.streams import decide as decide_streams

OPENED = ev.RoomOpened(1, "r")
OPEN = evolve(INITIAL, OPENED)


class NoIds:
    """State need no new ids."""

    def uuid7(self) -> str:
        raise AssertionError("streams draw no ids")


def decide(state: State, command: StreamCommand) -> tuple[ev.Event, ...]:
    return decide_streams(state, command, at=0, ids=NoIds())


def stream(stream_id: str = "s1", session: str = "A", transport: str = "t1", extra: str = "") -> Stream:
    return Stream(stream_id, session, f"actor-{session}", "n1", transport, extra, "VP8", True, True)


def after(state: State, *commands: StreamCommand) -> State:
    for command in commands:
        state = fold(evolve, state, decide(state, command))
    return state


def refused(state: State, command: StreamCommand) -> int:
    with pytest.raises((Rejection, Invalid)) as caught:
        decide(state, command)
    return caught.value.problem.code


def test_first_publish_adds_second_updates() -> None:
    (added,) = decide(OPEN, PutStream(stream()))
    assert isinstance(added, ev.StreamAdded)
    assert added.node == "n1"
    (updated,) = decide(after(OPEN, PutStream(stream())), PutStream(stream(transport="t2")))
    assert isinstance(updated, ev.StreamUpdated)
    assert updated.transport_id == "t2"


def test_invariant_1_another_session_cannot_take_a_stream_id() -> None:
    assert refused(after(OPEN, PutStream(stream())), PutStream(stream(session="B"))) == Code.STREAM_EXISTS


def test_invariant_2_only_its_session_touches_a_stream() -> None:
    state = after(OPEN, PutStream(stream()))
    assert refused(state, RemoveStream("B", "s1")) == Code.NOT_PUBLISHING
    assert refused(state, SetExtra("B", "s1", "x")) == Code.NOT_PUBLISHING


def test_invariant_3_play_needs_the_stream_here() -> None:
    assert refused(OPEN, StartPlay("B", "actor-B", "s1", "p1")) == Code.PLAY_NO_STREAM


def test_invariant_4_a_closed_room_refuses() -> None:
    assert refused(INITIAL, PutStream(stream())) == Code.ROOM_NOT_LOGGED_IN
    closed = evolve(after(OPEN, PutStream(stream())), ev.RoomClosed("empty"))
    assert decide(closed, EndSession("A", 6)) == ()
    assert decide(closed, RemoveStream("A", "s1")) == ()
    assert refused(closed, SetExtra("A", "s1", "x")) == Code.ROOM_NOT_LOGGED_IN


@pytest.mark.parametrize(
    ("stream_id", "code"),
    [("", Code.STREAM_ID_EMPTY), ("s" * 257, Code.STREAM_ID_LONG), ("a b", Code.STREAM_ID_CHARACTERS)],
)
def test_stream_id_limits(stream_id: str, code: Code) -> None:
    assert refused(OPEN, PutStream(stream(stream_id))) == code
    assert refused(OPEN, StartPlay("B", "b", stream_id, "p")) == code


def test_extra_info_limit() -> None:
    assert refused(OPEN, PutStream(stream(extra="x" * 1025))) == Code.STREAM_EXTRA_LONG
    state = after(OPEN, PutStream(stream()))
    assert refused(state, SetExtra("A", "s1", "é" * 513)) == Code.STREAM_EXTRA_LONG
    assert refused(OPEN, SetExtra("A", "s1", "x")) == Code.NOT_PUBLISHING


def test_mutes_are_told_once_per_change_and_end_with_the_stream() -> None:
    state = after(OPEN, PutStream(stream()))
    muted = SetMutes("A", "s1", Mutes(audio=True))
    assert decide(state, muted) == (ev.MutesChanged("s1", "A", "actor-A", True, False),)
    state = after(state, muted)
    assert decide(state, muted) == (), "invariant 5"
    assert decide(after(state, PutStream(stream(transport="t2"))), muted) == (), (
        "a stream that moved is as muted as before"
    )
    assert refused(state, SetMutes("B", "s1", Mutes())) == Code.NOT_PUBLISHING
    assert refused(state, SetMutes("A", "s2", Mutes())) == Code.NOT_PUBLISHING
    again = after(state, RemoveStream("A", "s1"), PutStream(stream()))
    assert decide(again, SetMutes("A", "s1", Mutes())) == (), "a stream begins with nothing muted"


def test_a_play_ends_per_transport() -> None:
    state = after(OPEN, PutStream(stream()), StartPlay("B", "b", "s1", "p1"), StartPlay("B", "b", "s1", "p2"))
    (stopped,) = decide(state, EndPlay("B", "s1", "p1"))
    assert stopped == ev.PlayStopped("s1", "B", "b", "stopped", "p1", 1)
    state = evolve(state, stopped)
    (last,) = decide(state, EndPlay("B", "s1", "p2"))
    assert isinstance(last, ev.PlayStopped)
    assert last.remaining == 0
    assert evolve(state, last).plays == {}


def test_stopping_without_a_transport_ends_all() -> None:
    state = after(OPEN, PutStream(stream()), StartPlay("B", "b", "s1", "p1"), StartPlay("B", "b", "s1", "p2"))
    assert after(state, EndPlay("B", "s1")).plays == {}


def test_a_leaver_takes_streams_and_plays_along() -> None:
    state = after(
        OPEN, PutStream(stream()), PutStream(stream("s2")), PutStream(stream("s3", "B")),
        StartPlay("A", "actor-A", "s3", "p1"), StartPlay("B", "actor-B", "s1", "p2"),
    )  # fmt: skip
    happened = decide(state, EndSession("A", 3))
    removed = [e for e in happened if isinstance(e, ev.StreamRemoved)]
    assert [(e.stream_id, e.code) for e in removed] == [("s1", 3), ("s2", 3)]
    assert [e.stream_id for e in happened if isinstance(e, ev.PlayStopped)] == ["s3"]
    left = fold(evolve, state, happened)
    assert set(left.streams) == {"s3"}
    assert left.plays == {}


def test_a_republished_stream_survives_its_old_transport() -> None:
    state = after(OPEN, PutStream(stream()), PutStream(stream(transport="t2")))
    assert decide(state, EndTransport("s1", "t1")) == ()
    assert decide(state, EndTransport("s1", "t2")) == (ev.StreamRemoved("s1", "A", "actor-A", 5),)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (ev.UserLeft("A", "a", "logout"), 1),
        (ev.UserLeft("A", "a", "heartbeat_timeout"), 2),
        (ev.UserKicked("A", "a", 1002050), 3),
        (ev.UserKicked("A", "a", 1002055), 4),
        (ev.UserLeft("A", "a", "disconnected"), 5),
        (ev.RoomClosed("closed_by_server"), 6),
    ],
)
def test_removal_codes(event: ev.UserLeft | ev.UserKicked | ev.RoomClosed, code: int) -> None:
    assert removal_code(event) == code


sessions = st.sampled_from(["A", "B", "C"])
names = st.sampled_from(["s1", "s2", "s3"])
transports = st.sampled_from(["t1", "t2"])


def put(session: str, name: str, transport: str, extra: str) -> PutStream:
    return PutStream(stream(name, session, transport, extra))


def play(session: str, name: str, transport: str) -> StartPlay:
    return StartPlay(session, f"actor-{session}", name, transport)


commands: st.SearchStrategy[StreamCommand] = st.one_of(
    st.builds(put, sessions, names, transports, st.sampled_from(["", "x"])),
    st.builds(RemoveStream, sessions, names),
    st.builds(SetExtra, sessions, names, st.sampled_from(["", "x", "y"])),
    st.builds(SetMutes, sessions, names, st.builds(Mutes, st.booleans(), st.booleans())),
    st.builds(play, sessions, names, transports),
    st.builds(EndPlay, sessions, names, st.sampled_from(["", "t1", "t2"])),
    st.builds(EndSession, sessions, st.integers(1, 6)),
    st.builds(EndTransport, names, transports),
)


@given(st.lists(commands, max_size=12), commands)
def test_invariant_5_repeating_any_command_is_harmless(history: list[StreamCommand], command: StreamCommand) -> None:
    state = OPEN
    for earlier in history:
        try:
            state = after(state, earlier)
        except Rejection:
            continue
    try:
        once = after(state, command)
    except Rejection:
        return
    assert decide(once, command) == ()


class Histories(RuleBasedStateMachine):
    """Any commands in any order keep the invariants of the state."""

    def __init__(self) -> None:
        super().__init__()
        self.state = OPEN

    @rule(command=commands)
    def do(self, command: StreamCommand) -> None:
        try:
            happened = decide(self.state, command)
        except Rejection:
            return
        for event in happened:
            before = self.state
            self.state = evolve(before, event)
            if isinstance(event, ev.StreamUpdated):
                assert before.streams[event.stream_id].session_id == event.session_id

    @invariant()
    def plays_have_streams(self) -> None:
        assert {key[1] for key in self.state.plays} <= set(self.state.streams)
        assert set(self.state.mutes) <= set(self.state.streams)
        assert all(play.transports for play in self.state.plays.values())

    @invariant()
    def events_survive_their_bytes(self) -> None:
        for kept in self.state.streams.values():
            event = ev.StreamAdded(**msgspec.structs.asdict(kept))
            assert msgspec.json.decode(msgspec.json.encode(event), type=ev.StreamAdded) == event


TestHistories = Histories.TestCase
