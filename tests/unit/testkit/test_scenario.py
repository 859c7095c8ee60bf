"""Given / when / then says what a decider does, and complains where it does something else."""

import msgspec
import pytest
from hypothesis import given

from parlour.contracts import ids
from parlour.contracts.codes import Code
from parlour.kernel.decider import Ids
from parlour.kernel.rejection import Rejection
from parlour.testkit import strategies
from parlour.testkit.clock import VirtualClock, uuid7
from parlour.testkit.deciders import Scenario


class Lit(msgspec.Struct, frozen=True):
    at: int
    id: str


def decide(state: tuple[Lit, ...], command: str, *, at: int, ids: Ids) -> tuple[Lit, ...]:
    if command == "forbidden":
        raise Rejection.of(Code.FORBIDDEN, "no")
    return () if state else (Lit(at, ids.uuid7()),)


def evolve(state: tuple[Lit, ...], event: Lit) -> tuple[Lit, ...]:
    return (*state, event)


def lamp() -> Scenario[tuple[Lit, ...], Lit]:
    return Scenario((), decide, evolve)


def test_decides_on_history_and_repeating_is_harmless() -> None:
    scenario = lamp()
    expected = Lit(scenario.clock.at(), str(uuid7(scenario.clock.at(), 1)))
    scenario.when("light").then(expected).then_again_nothing("light")
    assert scenario.state == (expected,)
    lamp().given(Lit(1, "x")).when("light").then()


def test_rejections() -> None:
    lamp().when("forbidden").then_rejected(Code.FORBIDDEN)
    with pytest.raises(AssertionError, match="rejected"):
        lamp().when("forbidden").then()
    with pytest.raises(AssertionError, match="was not rejected"):
        lamp().when("light").then_rejected(Code.FORBIDDEN)
    with pytest.raises(AssertionError, match="not"):
        lamp().when("forbidden").then_rejected(Code.NOT_FOUND)
    with pytest.raises(AssertionError, match="decided"):
        lamp().when("light").then()


def test_time_moves_when_told_and_only_forwards() -> None:
    clock = VirtualClock(5)
    clock.advance(1.5)
    assert (clock.at(), clock.now()) == (1_500_005, 1.5)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


@given(strategies.room_ids, strategies.user_ids, strategies.stream_ids, strategies.user_names, strategies.messages)
def test_what_the_strategies_make_is_allowed(room: str, user: str, stream: str, name: str, message: str) -> None:
    ids.check_room_id(room)
    ids.check_user_id(user)
    ids.check_stream_id(stream)
    ids.check_user_name(name)
    ids.check_message(message)
