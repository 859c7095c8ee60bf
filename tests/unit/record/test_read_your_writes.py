"""Reading what was just written: waited for as long as it is promised, and no longer."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from parlour.contracts.codes import Code
from parlour.kernel.log import LogHead, LogKey
from parlour.kernel.rejection import Rejection
from parlour.record.app.history.read_your_writes import ReadYourWrites

CALL = UUID("01980000-0000-7000-8000-000000000001")
OTHER_CALL = UUID("01980000-0000-7000-8000-000000000002")


class Tables:
    """A log of 9 events; projections that move on by one event each time they are looked at, up to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seq = 0
        self.looks = 0

    async def head(self, uid: UUID) -> LogHead | None:
        return LogHead(LogKey(1, "r", CALL), 9, bytes(32), 0, True, {}) if uid == CALL else None

    async def read(self, uid: UUID, after: int, limit: int) -> Any:
        return (SimpleNamespace(hash=bytes.fromhex("aa" * 32)),)

    async def call(self, room_uid: UUID) -> Any:
        self.looks += 1
        self.seq = min(self.most, self.seq + 1)

        class Row:
            seq = self.seq

        return Row() if self.seq else None


def place(seq: int, call: UUID = CALL) -> str:
    return f"{call}.{seq}.{'a' * 16}"


async def test_it_waits_until_the_tables_are_there() -> None:
    tables: Any = Tables(9)
    await ReadYourWrites(tables, tables.call, first_pause_s=0.0).wait_for(1, "", place(5))
    assert tables.seq == 5
    await ReadYourWrites(tables, tables.call).wait_for(1, "", "")
    assert tables.looks == 5, "who names no place is not made to wait"


async def test_it_gives_up_and_says_how_far_they_are() -> None:
    tables: Any = Tables(3)
    with pytest.raises(Rejection) as refused:
        await ReadYourWrites(tables, tables.call, wait_s=0.05).wait_for(1, "", place(5))
    assert (refused.value.problem.code, refused.value.problem.field) == (Code.HISTORY_BEHIND, "min_pos")
    assert refused.value.problem.limit.startswith("0..")


@pytest.mark.parametrize(
    ("app", "room", "asked"),
    [(1, "", place(10)), (2, "", place(1)), (1, "other", place(1)), (1, "", place(1, OTHER_CALL))],
)
async def test_what_the_asker_may_not_know_of_is_not_waited_for(app: int, room: str, asked: str) -> None:
    tables: Any = Tables(9)
    with pytest.raises(Rejection) as refused:
        await ReadYourWrites(tables, tables.call).wait_for(app, room, asked)
    assert refused.value.problem.code == Code.NOT_FOUND
    assert tables.looks == 0


async def test_a_place_of_another_history_is_refused_at_once() -> None:
    tables: Any = Tables(9)
    with pytest.raises(Rejection) as refused:
        await ReadYourWrites(tables, tables.call).wait_for(1, "", f"{CALL}.5.{'b' * 16}")
    assert (refused.value.problem.code, refused.value.problem.field) == (Code.RESYNC_NEEDED, "min_pos")
    assert tables.looks == 0


async def test_too_many_do_not_wait_at_once() -> None:
    tables: Any = Tables(3)
    with pytest.raises(Rejection):
        await ReadYourWrites(tables, tables.call, most_waiting=0).wait_for(1, "", place(5))
    assert tables.looks == 1
