"""Erasures and holds: the four invariants of `auth.domain.privacy`."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parlour.auth.domain.privacy import (
    INITIAL,
    ConfirmErasure,
    Erase,
    Hold,
    PrivacyCommand,
    RecheckErasure,
    Release,
    State,
    evolve,
)
from parlour.auth.domain.privacy import decide as decide_privacy
from parlour.contracts import events as ev

ACTORS = st.sampled_from(["ann", "bob"])
ROOMS = st.sampled_from(["r1", "r2"])
INSIDE = st.frozensets(ROOMS)
COMMANDS = st.one_of(
    st.builds(Erase, ACTORS, INSIDE), st.builds(RecheckErasure, ACTORS, INSIDE), st.builds(ConfirmErasure, ACTORS),
    st.builds(lambda actor: Hold(actor=actor), ACTORS), st.builds(lambda room: Hold(room=room), ROOMS),
    st.builds(lambda actor: Release(actor=actor), ACTORS), st.builds(lambda room: Release(room=room), ROOMS),
)  # fmt: skip


class NoIds:
    """Privacy needs no new ids."""

    def uuid7(self) -> str:
        raise AssertionError("privacy draws no ids")


def decide(state: State, command: PrivacyCommand) -> tuple[ev.Event, ...]:
    return decide_privacy(state, command, at=0, ids=NoIds())


def after(*commands: PrivacyCommand) -> State:
    state = INITIAL
    for command in commands:
        for event in decide(state, command):
            state = evolve(state, event)
    return state


def test_an_erasure_that_nothing_covers_is_due_and_a_later_hold_does_not_stop_it() -> None:
    """Invariant 1."""
    state = after(Erase("ann", frozenset({"r1"})), Hold(actor="ann"), Hold(room="r1"))
    assert state.due == {"ann"}
    assert decide(state, ConfirmErasure("ann")) == (ev.UserErased("ann"),)


def test_a_held_person_waits_until_no_hold_covers_them() -> None:
    """Invariant 2."""
    inside = frozenset({"r1"})
    held = after(Hold(actor="ann"), Hold(room="r1"), Erase("ann", inside))
    assert (held.waiting, held.due) == ({"ann"}, frozenset())
    half = after(
        Hold(actor="ann"), Hold(room="r1"), Erase("ann", inside), Release(actor="ann"), RecheckErasure("ann", inside)
    )
    assert half.waiting == {"ann"}
    assert decide(evolve(half, ev.HoldReleased("", "r1")), RecheckErasure("ann", inside)) == (ev.ErasureFreed("ann"),)


@given(st.lists(COMMANDS, max_size=30))
def test_nothing_is_said_twice_and_nothing_is_erased_that_was_not_due(commands: list[PrivacyCommand]) -> None:
    """Invariants 3 and 4."""
    state = INITIAL
    for command in commands:
        events = decide(state, command)
        if isinstance(command, ConfirmErasure):
            assert bool(events) == (command.actor in state.due)
        for event in events:
            state = evolve(state, event)
        assert not state.waiting & state.due
        if not isinstance(command, RecheckErasure):
            assert decide(state, command) == ()


@given(st.lists(COMMANDS, max_size=20))
def test_a_held_person_is_never_freed(commands: list[PrivacyCommand]) -> None:
    state = msgspec.structs.replace(after(*commands), actors=frozenset({"ann"}))
    assert decide(state, RecheckErasure("ann")) == ()
