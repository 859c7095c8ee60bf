"""The one fold: order and chain are checked, members and auditors agree, unknown types only move the position."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import RoomState
from parlour.kernel import view

UID = "0190a1b2-0000-7000-8000-000000000001"


def chain(*facts: ev.Event) -> list[EventView]:
    """Views of `facts` with numbers and hashes that continue each other."""
    prev, out = "0" * 64, list[EventView]()
    for seq, fact in enumerate(facts, 1):
        hash_ = hashlib.sha256(f"{prev}{seq}{fact}".encode()).hexdigest()
        data = msgspec.Raw(msgspec.json.encode(fact))
        out.append(EventView(1, "r", UID, seq, seq * 1000, hash_, prev, fact.TAG, fact.AUDIENCE, data))
        prev = hash_
    return out


def folded(views: list[EventView]) -> RoomState:
    state = view.empty_room(1, "r", UID)
    for item in views:
        state = view.apply(state, item)
    return state


JOIN_A = ev.UserJoined("sa", "aa", "alice", "Alice")
JOIN_B = ev.UserJoined("sb", "ab", "bob", "Bob")
STREAM = ev.StreamAdded("cam", "sa", "aa", "n1", "t1", "hi", "VP8")


def test_a_call_folds_to_what_is_there() -> None:
    state = folded(chain(
        ev.RoomOpened(1, "r", 5), JOIN_A, JOIN_B, STREAM, ev.PlayStarted("cam", "sb", "ab", "n1", "t2"),
        ev.BroadcastSent("sb", "ab", "hello"), ev.RoomExtraInfoChanged("aa", "k", "v"), ev.UserSuspended("sb", "ab"),
    ))  # fmt: skip
    assert [(u.user_id, u.suspended, u.joined_seq) for u in state.users] == [("alice", False, 2), ("bob", True, 3)]
    assert [(s.stream_id, s.players, s.added_seq) for s in state.streams] == [("cam", ("sb",), 4)]
    assert (state.open, state.max_member_count, state.messages, state.seq) == (True, 5, 1, 8)
    assert [(e.key, e.value) for e in state.extra_info] == [("k", "v")]


def test_an_update_keeps_place_players_and_mutes() -> None:
    state = folded(chain(
        ev.RoomOpened(1, "r"), JOIN_A, STREAM, ev.PlayStarted("cam", "sb", "ab", "n1", "t2"),
        ev.MutesChanged("cam", "sa", "aa", True, True), ev.MutesChanged("cam", "sa", "aa", False, True),
        ev.StreamUpdated("cam", "sa", "aa", "n2", "t9", "new", "VP8"),
    ))  # fmt: skip
    (stream,) = state.streams
    assert (stream.node, stream.extra_info, stream.added_seq, stream.players) == ("n2", "new", 3, ("sb",))
    assert (stream.audio_muted, stream.video_muted) == (False, True)


def test_leaving_kicking_and_closing_empty_the_room() -> None:
    state = folded(chain(
        ev.RoomOpened(1, "r"), JOIN_A, JOIN_B, STREAM, ev.StreamRemoved("cam", "sa", "aa", 1),
        ev.UserLeft("sa", "aa", "logout"), ev.UserKicked("sb", "ab", 1002055), ev.RoomClosed("empty"),
    ))  # fmt: skip
    assert (state.users, state.streams, state.open) == ((), (), False)


@pytest.mark.parametrize("broken", ["skipped", "repeated", "forked"])
def test_history_that_does_not_continue_is_refused(broken: str) -> None:
    first, second, third = chain(ev.RoomOpened(1, "r"), JOIN_A, JOIN_B)
    state = folded([first])
    wrong = {"skipped": third, "repeated": first, "forked": msgspec.structs.replace(second, prev="f" * 64)}[broken]
    with pytest.raises(view.BrokenHistory):
        view.apply(state, wrong)


def test_a_type_of_a_later_version_moves_the_position_only() -> None:
    (first,) = chain(ev.RoomOpened(1, "r"))
    unknown = msgspec.structs.replace(first, type="room.painted.v1")
    assert view.apply(view.empty_room(1, "r", UID), unknown).seq == 1


FACTS = st.lists(
    st.sampled_from([
        JOIN_A, JOIN_B, STREAM, ev.UserSuspended("sa", "aa"), ev.UserResumed("sa", "aa"), ev.UserLeft("sa", "aa", "logout"),
        ev.PlayStarted("cam", "sb", "ab", "n1", "t2"), ev.PlayStopped("cam", "sb", "ab", "stopped"), ev.StreamRemoved("cam", "sa", "aa", 1),
        ev.CommandSent("sa", "aa", "psst"),
    ]),
    max_size=30,
)  # fmt: skip


@given(FACTS)
def test_members_who_skip_audit_events_hold_the_same_room(facts: list[ev.Event]) -> None:
    views = chain(ev.RoomOpened(1, "r"), *facts)
    auditor, member = view.empty_room(1, "r", UID), view.empty_room(1, "r", UID)
    for item in views:
        auditor = view.apply(auditor, item)
        hidden = item.audience == ev.Audience.AUDIT
        member = view.skip(member, item.seq, item.hash) if hidden else view.apply(member, item)
    assert view.members_only(member) == view.members_only(auditor)
