"""How often rooms are opened and their extra information changes: who is refused, with which limit, and what a refusal costs nobody."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.room.app.room_rates import RoomRates
from parlour.runtime.rate_limiter import RateLimiter

LIMITS = {"user_openings": 2, "app_openings": 3, "extra_info": 1}


def call(number: int, app: int = 1, room: str = "r") -> Any:
    """What a limiter looks at of a command's context."""
    return cast("Any", SimpleNamespace(app=app, room=room, command_id=f"id-{number}"))


def test_a_user_and_an_app_open_so_many_rooms() -> None:
    rates = RoomRates(RateLimiter(), **LIMITS)
    rates.admit_opening(call(1), "ann")
    rates.admit_opening(call(1), "ann")
    rates.admit_opening(call(2), "ann")
    with pytest.raises(Rejection, match="opened by a user") as refused:
        rates.admit_opening(call(3), "ann")
    assert (refused.value.problem.code, refused.value.problem.limit) == (Code.RATE_LIMITED, "2/min")
    rates.admit_opening(call(4), "bob")
    with pytest.raises(Rejection, match="opened by an app") as refused:
        rates.admit_opening(call(5), "cat")
    assert refused.value.problem.limit == "3/s"
    rates.admit_opening(call(6, app=2), "dan")


def test_extra_information_of_one_room_changes_so_often() -> None:
    rates = RoomRates(RateLimiter(), **LIMITS)
    rates.admit_extra_info(call(1))
    rates.admit_extra_info(call(1))
    with pytest.raises(Rejection, match="changes too often") as refused:
        rates.admit_extra_info(call(2))
    assert (refused.value.problem.code, refused.value.problem.limit) == (Code.RATE_LIMITED, "1/s")
    rates.admit_extra_info(call(3, room="another"))
