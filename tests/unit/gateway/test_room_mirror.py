"""The mirror's ring, the lists for one session, and presence in parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.ids import Position
from parlour.contracts.queries import SESSIONS_PER_PRESENCE, SessionHeartbeat, presence_parts
from parlour.gateway.domain.client_views import snapshot_of
from parlour.gateway.domain.room_mirror import BUFFER_EVENTS, RoomMirror
from parlour.kernel.view import BrokenHistory, empty_room
from parlour.testkit.story import Story


def mirror_of(story: Story, start: int = 0) -> RoomMirror:
    mirror = RoomMirror(story.state(start) if start else empty_room(story.app, story.room, story.room_uid))
    for view in story.views[start:]:
        mirror.apply(view)
    return mirror


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, BUFFER_EVENTS + 40))
def test_the_ring_proves_and_continues_every_position_it_reaches(start: int, more: int) -> None:
    story = Story()
    story.opened()
    for n in range(start + more):
        story.said("ann", str(n))
    mirror = mirror_of(story, start)
    last = len(story.views)
    assert mirror.buffer.floor.seq == max(start, last - BUFFER_EVENTS)
    for seq in (mirror.buffer.floor.seq, (mirror.buffer.floor.seq + last) // 2, last):
        expected = story.views[seq - 1].hash[:16] if seq else "0" * 16
        assert mirror.buffer.hash8_at(seq) == expected
        following = mirror.buffer.after(Position(story.room_uid, seq, expected))
        assert following is not None
        assert [event.seq for event in following] == list(range(seq + 1, last + 1))
    assert mirror.buffer.hash8_at(mirror.buffer.floor.seq - 1) is None
    assert mirror.buffer.hash8_at(last + 1) is None


def test_only_the_next_event_is_followed() -> None:
    story = Story()
    mirror = mirror_of(story)
    first, second = story.opened(), story.joined("ann")
    with pytest.raises(BrokenHistory):
        mirror.apply(second)
    mirror.apply(first)
    with pytest.raises(BrokenHistory):
        mirror.apply(first)
    mirror.apply(second)
    assert mirror.actor_of("s-ann") == "actor-ann"
    assert mirror.count_users() == 1


def test_lists_leave_oneself_out_and_keep_the_log_s_order() -> None:
    story = Story()
    story.opened()
    for user in ("carl", "ann", "bob"):
        story.joined(user)
    for user in ("bob", "ann"):
        story.tell(ev.StreamAdded(f"stream-{user}", f"s-{user}", f"actor-{user}", "n1", "t1", "hello", "VP8"))
    story.tell(ev.RoomExtraInfoChanged("actor-ann", "k", "v"))
    snap = snapshot_of(mirror_of(story).state, "s-ann")
    assert [user.user_id for user in snap.users] == ["carl", "bob"]
    assert [(s.stream_id, s.user.user_name) for s in snap.streams] == [("stream-bob", "Bob")]
    assert [(e.key, e.value, e.update_user.user_id, e.update_time) for e in snap.extra_info] == [
        ("k", "v", "ann", 7000)
    ]
    assert snap.pos.startswith(f"{story.room_uid}.7.")


@given(st.integers(0, 3 * SESSIONS_PER_PRESENCE))
def test_presence_tells_every_session_once_and_is_never_silent(count: int) -> None:
    sessions = tuple(SessionHeartbeat(1, "r", str(n)) for n in range(count))
    parts = presence_parts("g1", 7, sessions)
    assert [part.part for part in parts] == list(range(parts[0].parts))
    assert tuple(beat for part in parts for beat in part.sessions) == sessions
    assert all(len(part.sessions) <= SESSIONS_PER_PRESENCE for part in parts)
