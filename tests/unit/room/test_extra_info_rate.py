"""Extra information may change ten times a second in a room; a repeated command is not counted again."""

import pytest

from parlour.kernel.rejection import Rejection
from parlour.room.adapters.moving_window import MovingWindow
from parlour.runtime.drafts import Call


def call(room: str, number: int) -> Call:
    return Call(1, room, f"id-{number}", "client:", b"")


def test_the_rate_of_a_room() -> None:
    window = MovingWindow(10)
    for number in range(10):
        window.admit(call("r", number))
        window.admit(call("r", number))
    with pytest.raises(Rejection) as refused:
        window.admit(call("r", 10))
    assert refused.value.problem.code == 9000004
    assert refused.value.problem.limit == "10/s"
    window.admit(call("another", 11))
