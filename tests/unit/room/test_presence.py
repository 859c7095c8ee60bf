"""Silence by number (see the docstring of parlour.room.domain.presence)."""

from hypothesis import given
from hypothesis import strategies as st

from parlour.room.domain.presence import PresenceChanges, PresenceTracker, SessionKey, SilentSession

ANN = SessionKey(1, "r", "s-ann")
BOB = SessionKey(1, "r", "s-bob")
NOTHING = PresenceChanges((), ())


class Scene:
    """A tracker whose seconds pass one by one."""

    def __init__(self) -> None:
        self.now = 100.0
        self.presence = PresenceTracker(10)
        self.presence.handle_own_heartbeat(self.now)
        self.presence.handle_joined(ANN)
        self.presence.handle_joined(BOB)

    def pass_(self, seconds: int, *heard: SessionKey, deaf: bool = False) -> PresenceChanges:
        changes = NOTHING
        for _ in range(seconds):
            self.now += 1
            if not deaf:
                self.presence.handle_own_heartbeat(self.now)
                self.presence.handle_heartbeats(heard)
            more = self.presence.poll(self.now)
            changes = PresenceChanges(changes.suspend + more.suspend, changes.resume + more.resume)
        return changes


def test_2_silence_suspends_after_the_grace_and_not_before() -> None:
    scene = Scene()
    assert scene.pass_(5, ANN, BOB) == NOTHING
    assert scene.pass_(8, ANN) == NOTHING
    assert scene.pass_(5, ANN) == PresenceChanges((SilentSession(BOB, 10.0),), ())


def test_2_nobody_is_suspended_before_a_full_grace_after_the_start() -> None:
    scene = Scene()
    assert scene.pass_(9) == NOTHING
    assert {silent.key for silent in scene.pass_(1).suspend} == {ANN, BOB}


def test_1_time_does_not_count_while_nothing_arrives_for_our_own_reasons() -> None:
    scene = Scene()
    scene.pass_(20, ANN, BOB)
    assert scene.pass_(600, deaf=True) == NOTHING
    assert scene.pass_(9) == NOTHING
    assert {silent.key for silent in scene.pass_(2).suspend} == {ANN, BOB}


def test_1_a_gateway_that_dies_alone_is_noticed_since_our_own_beats_go_on() -> None:
    scene = Scene()
    scene.pass_(20, ANN, BOB)
    assert {silent.key for silent in scene.pass_(11).suspend} == {ANN, BOB}


def test_1_a_known_break_gives_a_full_grace() -> None:
    scene = Scene()
    scene.pass_(20, ANN, BOB)
    scene.pass_(5)
    scene.presence.handle_gap()
    assert scene.pass_(10) == NOTHING
    assert len(scene.pass_(1).suspend) == 2


def test_2_who_is_heard_by_its_media_is_there_in_every_room() -> None:
    scene, elsewhere = Scene(), SessionKey(1, "r2", ANN.session_id)
    scene.presence.handle_joined(elsewhere)
    by_media = SessionKey(1, "", ANN.session_id)
    assert {silent.key for silent in scene.pass_(30, by_media).suspend} == {BOB}
    scene.presence.handle_left(ANN)
    assert scene.pass_(30, by_media) == NOTHING
    scene.presence.handle_left(elsewhere)
    scene.presence.handle_left(elsewhere)
    scene.presence.handle_joined(ANN)
    assert [silent.key for silent in scene.pass_(30, SessionKey(2, "", ANN.session_id)).suspend] == [ANN]


def test_3_a_suspended_session_that_is_heard_is_resumed_once() -> None:
    scene = Scene()
    scene.pass_(20, ANN)
    scene.presence.handle_suspended(BOB)
    assert scene.pass_(3, ANN, BOB) == PresenceChanges((), (BOB,))
    scene.presence.handle_resumed(BOB)
    assert scene.pass_(3, ANN, BOB) == NOTHING


def test_4_a_change_that_could_not_be_made_is_asked_again() -> None:
    scene = Scene()
    scene.pass_(20, ANN)
    assert scene.pass_(5, ANN) == NOTHING
    scene.presence.retry(BOB)
    assert [silent.key for silent in scene.pass_(1, ANN).suspend] == [BOB]


def test_who_is_gone_is_not_watched() -> None:
    scene = Scene()
    scene.presence.handle_left(ANN)
    assert scene.presence.tracked_sessions() == {BOB}
    scene.presence.handle_left(BOB)
    assert scene.pass_(20, ANN, BOB) == NOTHING


def test_what_a_deadline_asks() -> None:
    scene = Scene()
    assert not scene.presence.is_hearing_steadily(scene.now)
    scene.pass_(20, ANN)
    assert scene.presence.is_hearing_steadily(scene.now)
    assert not scene.presence.is_hearing_steadily(scene.now + 4)
    assert scene.presence.is_connected(ANN)
    assert not scene.presence.is_connected(BOB)
    assert scene.presence.silent_s(BOB) is None
    scene.pass_(12)
    scene.pass_(500, deaf=True)
    assert scene.presence.silent_s(ANN) == 12


@given(st.lists(st.tuples(st.integers(1, 15), st.booleans(), st.booleans()), max_size=30))
def test_a_session_heard_within_the_grace_is_never_suspended(spans: list[tuple[int, bool, bool]]) -> None:
    scene = Scene()
    quiet = 0
    for seconds, heard, deaf in spans:
        for _ in range(seconds):
            changes = scene.pass_(1, *([ANN] if heard else []), deaf=deaf)
            quiet = 0 if heard and not deaf else quiet + 1
            assert ANN not in {silent.key for silent in changes.suspend} or quiet >= 10
            if ANN in {silent.key for silent in changes.suspend}:
                scene.presence.handle_suspended(ANN)
            if ANN in changes.resume:
                scene.presence.handle_resumed(ANN)
