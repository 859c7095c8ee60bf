"""An app's rules by number (see the docstring of parlour.auth.domain.application)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.auth.domain.application import (
    INITIAL,
    Absent,
    Active,
    AppCommand,
    Create,
    Issue,
    Rotate,
    SecretRef,
    SetRules,
    State,
    decide,
    evolve,
)
from parlour.auth.domain.rules import Rules
from parlour.contracts import events as ev
from parlour.contracts.ids import Invalid
from parlour.kernel.decider import fold
from parlour.kernel.rejection import Rejection

NOW_S = 1_000


class NoIds:
    """An app needs no new ids."""

    def uuid7(self) -> str:
        raise AssertionError("an app draws no ids")


def ask(state: State, command: AppCommand, at_s: int = NOW_S) -> tuple[ev.Event, ...]:
    return decide(state, command, at=at_s * 1_000_000, ids=NoIds())


def given_(*commands: AppCommand) -> State:
    state = INITIAL
    for command in commands:
        state = fold(evolve, state, ask(state, command))
    return state


def test_8_a_rule_holds_from_its_event_on() -> None:
    app = Active(7, "demo", (SecretRef("k1"),))
    assert app.rules == Rules("any", "text", "keep"), "the vendor's habits"
    asked = SetRules({"login_tokens": "signed", "privileges": "text"})
    events = ask(app, asked)
    assert events == (ev.RuleSet(7, "login_tokens", "signed"),), "what is so already is no event"
    after = evolve(app, events[0])
    assert isinstance(after, Active)
    assert after.rules.login_tokens == "signed"
    assert ask(after, asked) == ()
    assert evolve(after, ev.RuleSet(7, "of_later", "x")) == after, "a later release's rule changes nothing"


@pytest.mark.parametrize("rules", [{"login_tokens": "none"}, {"privileges": "yes"}, {"expiry": "stays"}])
def test_8_a_rule_has_known_values(rules: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        ask(Active(7, "demo", (SecretRef("k1"),)), SetRules(rules))
    assert caught.value.problem.field in rules
    assert caught.value.problem.limit


def test_1_an_app_begins_with_a_secret() -> None:
    assert ask(Absent(), Create(7, "demo", "k1")) == (ev.AppCreated(7, "demo"), ev.SecretRotated(7, "k1", 0))
    created = given_(Create(7, "demo", "k1"))
    assert isinstance(created, Active)
    assert created.valid(10**12) == ("k1",)


def test_2_the_old_secret_ends_and_an_older_one_ends_at_once() -> None:
    rotated = given_(Create(7, "demo", "k1"), Rotate("k2", 60))
    assert isinstance(rotated, Active)
    assert rotated.valid(NOW_S + 59) == ("k2", "k1")
    assert rotated.valid(NOW_S + 60) == ("k2",)
    again = given_(Create(7, "demo", "k1"), Rotate("k2", 60), Rotate("k3", 60))
    assert isinstance(again, Active)
    assert again.valid(NOW_S) == ("k3", "k2")


def test_3_creating_what_exists_changes_nothing() -> None:
    assert ask(given_(Create(7, "demo", "k1")), Create(7, "other", "k2")) == ()


def test_4_nothing_happens_to_an_app_that_is_not_there() -> None:
    for command in (Rotate("k", 1), Issue("a", "r", 1)):
        with pytest.raises(Rejection) as refused:
            ask(Absent(), command)
        assert refused.value.problem.code == 1001004


@pytest.mark.parametrize("overlap_s", [-1, 30 * 86400 + 1])
def test_the_overlap_has_a_limit(overlap_s: int) -> None:
    with pytest.raises(Rejection):
        ask(given_(Create(7, "demo", "k1")), Rotate("k2", overlap_s))


commands = st.one_of(
    st.builds(Create, st.just(7), st.just("n"), st.sampled_from(["k1", "k2"])),
    st.builds(Rotate, st.sampled_from(["k1", "k2", "k3"]), st.integers(0, 100)),
)


@given(st.lists(commands, max_size=12))
def test_repeating_any_command_is_harmless(history: list[AppCommand]) -> None:
    state = INITIAL
    for command in history:
        try:
            state = fold(evolve, state, ask(state, command))
        except Rejection:
            continue
        assert ask(state, command) == (), "3"
        assert not isinstance(state, Active) or 1 <= len(state.valid(NOW_S)) <= 2, "2"
