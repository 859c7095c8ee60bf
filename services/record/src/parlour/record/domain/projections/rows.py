"""The rows of history. Each class is a table of a generation, its fields the table's columns in their order.

Rows are changed in place while their call is folded. `Row.stored` says whether the table has the row, `Row.changed` whether it is
to be written. Times are unix microseconds. Rows hold an `actor`, never a user id; a name stays sealed as in its event.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from parlour.contracts import history as h


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


_nodes = msgspec.json.Decoder(tuple[str, ...])


class Names(msgspec.Struct, frozen=True):
    """User ids by actor and opened texts by their sealed form; erased people are in neither."""

    user_ids: Mapping[str, str]
    texts: Mapping[str, str]

    def user_id(self, actor: str) -> str:
        """Returns a person's user id, empty for an erased one."""
        return self.user_ids.get(actor, "")


def call_of(row: CallRow) -> h.Call:
    """Returns a call without its people."""
    return h.Call(
        row.app, row.room, str(row.room_uid), row.started_at, row.ended_at, row.reason, row.seq, row.last_event_at, row.participants,
        row.sessions, row.peak, row.streams, row.plays, row.kicks, row.broadcasts, row.barrages, row.commands,
    )  # fmt: skip


def participant_of(row: ParticipantRow, names: Names) -> h.Participant:
    """Returns a person of a call."""
    user_id = names.user_id(row.actor)
    return h.Participant(row.actor, user_id, row.first_at, row.last_at, row.sessions, row.kicks, row.messages)


def session_of(row: SessionRow, names: Names) -> h.SessionSpan:
    """Returns a session with its name opened."""
    return h.SessionSpan(
        row.session_id, row.actor, names.user_id(row.actor), names.texts.get(row.sealed_name, ""), row.joined_seq,
        row.joined_at, row.left_seq, row.left_at, row.how, row.reason, row.code, row.away, row.away_us,
    )  # fmt: skip


def stream_of(row: StreamRow, names: Names) -> h.StreamSpan:
    """Returns the interval in which a stream was published."""
    return h.StreamSpan(
        row.stream_id, row.session_id, row.actor, names.user_id(row.actor), row.added_seq, row.added_at, row.removed_seq,
        row.removed_at, row.code, row.codec, row.has_audio, row.has_video, _nodes.decode(row.nodes),
    )  # fmt: skip


def play_of(row: PlayRow, names: Names) -> h.PlaySpan:
    """Returns the interval in which a session played a stream."""
    return h.PlaySpan(
        row.stream_id, row.session_id, row.actor, names.user_id(row.actor), row.by_actor, names.user_id(row.by_actor),
        row.started_seq, row.started_at, row.stopped_seq, row.stopped_at, row.reason,
    )  # fmt: skip


def count_of(row: MessagesRow) -> h.MessageCount:
    """Returns the counts of ten seconds of messages."""
    return h.MessageCount(row.started_at, row.broadcasts, row.barrages, row.commands)
