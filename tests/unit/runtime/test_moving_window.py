"""So many changes a second of one thing; a repeated command is not counted again."""

import pytest

from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.drafts import Call
from parlour.runtime.moving_window import MovingWindow


def call(room: str, number: int) -> Call:
    return Call(1, room, f"id-{number}", "client:", b"")


def test_the_rate_of_one_thing() -> None:
    window = MovingWindow(10, "it changes", "roomID")
    for number in range(10):
        window.admit(call("r", number))
        window.admit(call("r", number))
    with pytest.raises(Rejection) as refused:
        window.admit(call("r", 10))
    assert refused.value.problem.code == 9000004
    assert refused.value.problem.limit == "10/s"
    window.admit(call("another", 11))
    window.admit(call("r", 12), "something else of it")
