"""The rows of history. Each class is a table of a generation, its fields the table's columns in their order.

Rows are changed in place while their call is folded. `Row.stored` says whether the table has the row, `Row.changed` whether it is
to be written. Times are unix microseconds. Rows hold an `actor`, never a user id; a name stays sealed as in its event.
"""

from typing import Any
from uuid import UUID

import msgspec


class Row(msgspec.Struct, kw_only=True):
    """Base of all rows; its two fields are not columns."""

    stored: bool = False
    changed: bool = False


class CallRow(Row):
    """A call as of event `seq`."""

    room_uid: UUID
    app: int
    room: str
    started_at: int
    ended_at: int | None = None
    reason: str = ""
    seq: int = 0
    last_event_at: int = 0
    participants: int = 0
    sessions: int = 0
    peak: int = 0
    streams: int = 0
    plays: int = 0
    kicks: int = 0
    broadcasts: int = 0
    barrages: int = 0
    commands: int = 0


class ParticipantRow(Row):
    """A person in a call; `last_at` is None while one of their sessions is open."""

    room_uid: UUID
    actor: str
    app: int
    first_at: int
    last_at: int | None = None
    sessions: int = 0
    kicks: int = 0
    messages: int = 0


class SessionRow(Row):
    """A session; open while `left_seq` is None, suspended while `away_since` is set."""

    room_uid: UUID
    joined_seq: int
    session_id: str
    actor: str
    sealed_name: str
    joined_at: int
    left_seq: int | None = None
    left_at: int | None = None
    how: str = ""
    reason: str = ""
    code: int = 0
    away: int = 0
    away_us: int = 0
    away_since: int | None = None


class StreamRow(Row):
    """A stream from its adding to its removal. `nodes` is a JSON list."""

    room_uid: UUID
    added_seq: int
    stream_id: str
    session_id: str
    actor: str
    added_at: int
    removed_seq: int | None = None
    removed_at: int | None = None
    code: int = 0
    codec: str = ""
    has_audio: bool = True
    has_video: bool = True
    nodes: str = "[]"


class PlayRow(Row):
    """A session's play of a stream, whose publisher is `by_actor`."""

    room_uid: UUID
    started_seq: int
    stream_id: str
    session_id: str
    actor: str
    by_actor: str
    started_at: int
    stopped_seq: int | None = None
    stopped_at: int | None = None
    reason: str = ""


class MessagesRow(Row):
    """Counts of messages in the ten seconds from `started_at` on."""

    room_uid: UUID
    started_at: int
    broadcasts: int = 0
    barrages: int = 0
    commands: int = 0


TABLES: tuple[tuple[str, type[Row], int], ...] = (
    ("call", CallRow, 1),
    ("participant", ParticipantRow, 2),
    ("session", SessionRow, 2),
    ("stream", StreamRow, 2),
    ("play", PlayRow, 2),
    ("messages", MessagesRow, 2),
)
"""Each table with its row class and how many of the first columns are its key."""


def columns(kind: type[Row]) -> tuple[str, ...]:
    """Returns a table's columns, in the order of its row's fields."""
    return tuple(field for field in kind.__struct_fields__ if field not in Row.__struct_fields__)


class Rows(msgspec.Struct):
    """Rows of several calls by table, as a `ProjectionStore` writes and loads them."""

    call: list[CallRow] = []
    participant: list[ParticipantRow] = []
    session: list[SessionRow] = []
    stream: list[StreamRow] = []
    play: list[PlayRow] = []
    messages: list[MessagesRow] = []

    def of_table(self, table: str) -> list[Any]:
        """Returns the rows of a table by its name."""
        return getattr(self, table)

    def mark_stored(self) -> None:
        """Marks all rows as stored, after their batch was written."""
        for table, _, _ in TABLES:
            for row in self.of_table(table):
                row.stored, row.changed = True, False
