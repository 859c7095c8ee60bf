"""The rows of history. Each class is a table of a generation, its fields the table's columns in their order.

Rows are changed in place while their call is folded. `Row.stored` says whether the table has the row, `Row.changed` whether it is
to be written. Times are unix microseconds. Rows hold an `actor`, never a user id; a name stays sealed as in its event.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from parlour.contracts import history as h

_nodes = msgspec.json.Decoder(tuple[str, ...])


class Names(msgspec.Struct, frozen=True):
    """User ids by actor and opened texts by their sealed form; erased people are in neither."""

    user_ids: Mapping[str, str]
    texts: Mapping[str, str]

    def user_id(self, actor: str) -> str:
        """Returns a person's user id, empty for an erased one."""
        return self.user_ids.get(actor, "")


class Row(msgspec.Struct, kw_only=True):
    """Base of all rows; its two fields are not columns. `describe` returns a row as those who ask get it."""

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

    def describe(self) -> h.Call:
        """Returns the call without its people."""
        return h.Call(
            self.app, self.room, str(self.room_uid), self.started_at, self.ended_at, self.reason, self.seq, self.last_event_at,
            self.participants, self.sessions, self.peak, self.streams, self.plays, self.kicks, self.broadcasts, self.barrages,
            self.commands,
        )  # fmt: skip


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

    def describe(self, names: Names) -> h.Participant:
        """Returns the person with their user id."""
        user_id = names.user_id(self.actor)
        return h.Participant(self.actor, user_id, self.first_at, self.last_at, self.sessions, self.kicks, self.messages)


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

    def describe(self, names: Names) -> h.SessionSpan:
        """Returns the session with its name opened."""
        return h.SessionSpan(
            self.session_id, self.actor, names.user_id(self.actor), names.texts.get(self.sealed_name, ""), self.joined_seq,
            self.joined_at, self.left_seq, self.left_at, self.how, self.reason, self.code, self.away, self.away_us,
        )  # fmt: skip


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

    def describe(self, names: Names) -> h.StreamSpan:
        """Returns the interval in which the stream was published."""
        return h.StreamSpan(
            self.stream_id, self.session_id, self.actor, names.user_id(self.actor), self.added_seq, self.added_at,
            self.removed_seq, self.removed_at, self.code, self.codec, self.has_audio, self.has_video, _nodes.decode(self.nodes),
        )  # fmt: skip


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

    def describe(self, names: Names) -> h.PlaySpan:
        """Returns the interval in which the session played the stream."""
        return h.PlaySpan(
            self.stream_id, self.session_id, self.actor, names.user_id(self.actor), self.by_actor, names.user_id(self.by_actor),
            self.started_seq, self.started_at, self.stopped_seq, self.stopped_at, self.reason,
        )  # fmt: skip


class MessagesRow(Row):
    """Counts of messages in the ten seconds from `started_at` on."""

    room_uid: UUID
    started_at: int
    broadcasts: int = 0
    barrages: int = 0
    commands: int = 0

    def describe(self, _names: Names) -> h.MessageCount:
        """Returns the counts, which name nobody."""
        return h.MessageCount(self.started_at, self.broadcasts, self.barrages, self.commands)


TABLES: tuple[tuple[str, type[Row], int], ...] = (
    ("call", CallRow, 1),
    ("participant", ParticipantRow, 2),
    ("session", SessionRow, 2),
    ("stream", StreamRow, 2),
    ("play", PlayRow, 2),
    ("messages", MessagesRow, 2),
)
"""Each table with its row class and how many of the first columns are its key. The second column orders a call's rows in pages."""


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
