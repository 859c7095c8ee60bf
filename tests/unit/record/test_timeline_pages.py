"""A timeline's pages go on where the one before ended, in each of its tables."""

from typing import Any, cast
from uuid import UUID

from parlour.contracts import history as h
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.archive_index import ArchiveIndex
from parlour.record.app.history.calls import CallQueries, CallReader
from parlour.record.app.history.read_your_writes import ReadYourWrites
from parlour.record.domain.projections.rows import CallRow, MessagesRow, PlayRow, columns

UID = UUID(int=7)
ROWS = {
    "session": [],
    "stream": [],
    "play": [PlayRow(UID, seq, "cam", "s", "", "", seq) for seq in (3, 5)],
    "messages": [MessagesRow(UID, at, broadcasts=1) for at in (10_000_000, 20_000_000, 30_000_000)],
}


class Rows:
    """A call with two plays and messages in three spans of ten seconds."""

    async def call(self, room_uid: UUID) -> CallRow:
        return CallRow(room_uid, 1, "room", 1)

    async def rows(self, table: str, room_uid: UUID, after: int, limit: int) -> list[Any]:
        order = columns(type(ROWS[table][0]))[1] if ROWS[table] else ""
        return [row for row in ROWS[table] if getattr(row, order) > after][:limit]


class Current:
    async def wait_for(self, app: int, room: str, min_pos: str) -> None: ...


async def test_pages_end_in_any_table() -> None:
    nobody, nowhere = cast("UserKeyStore", None), cast("ArchiveIndex", None)
    queries = CallQueries(cast("CallReader", Rows()), nobody, cast("ReadYourWrites", Current()), nowhere)
    cursors, began = [""], list[int]()
    while not began or cursors[-1]:
        page = await queries.timeline(1, "", h.TimelineQuery(str(UID), cursors[-1], limit=1))
        began += [play.started_seq for play in page.plays] + [counted.at for counted in page.messages]
        cursors.append(page.next)
    assert began == [3, 5, 10_000_000, 20_000_000, 30_000_000]
    assert cursors[1:] == ["play.3", "messages.-1", "messages.10000000", "messages.20000000", ""]
