"""Folds one call into rows.

Invariants, where `state` is `parlour.kernel.view`'s fold of the same events:
1. the open sessions are `state.users`, in order, until the room closes;
2. the open streams are `state.streams`, in order, and the open plays their players;
3. broadcasts + barrages + commands = `state.messages`, and `seq` and `at` are the state's;
4. every event folds: history is fact, and an event that makes no sense here changes nothing but `seq` and `at`.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, cast
from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.history import BUCKET_US

from .facts import Barrage, Broadcast, Command, Joined, Message
from .rows import CallRow, MessagesRow, ParticipantRow, PlayRow, Row, Rows, SessionRow, StreamRow

LEFT, KICKED, CLOSED = "left", "kicked", "closed"
REMOVED = "removed"
"""Reason of a play that ended with its stream."""
HIGHEST_CODE = 2**31 - 1
_Change = Callable[..., None]
_encode = msgspec.json.Encoder().encode
_nodes = msgspec.json.Decoder(list[str])


class CallFold:
    """The rows of one call that may still change; `apply` adds those that it changes to the `Rows` given."""

    def __init__(self, call: CallRow) -> None:
        self.call = call
        self.participants: dict[str, ParticipantRow] = {}
        self.sessions: dict[str, SessionRow] = {}
        self._logins: Counter[str] = Counter()
        """Open sessions by actor."""
        self.streams: dict[str, StreamRow] = {}
        self.plays: dict[str, dict[str, PlayRow]] = {}
        """By stream, then by session."""
        self.bucket: MessagesRow | None = None

    @classmethod
    def begin(cls, room_uid: UUID, at: int, event: ev.RoomOpened) -> "CallFold":
        """Returns the fold of a call whose first event this is; apply that event too."""
        return cls(CallRow(room_uid, event.app, event.room, at))

    def load(self, rows: Rows) -> None:
        """Takes this call's rows from a store: all participants, what is open, the newest message count."""
        self.participants = {row.actor: row for row in rows.participant}
        self.sessions = {row.session_id: row for row in rows.session}
        self._logins = Counter(row.actor for row in rows.session)
        self.streams = {row.stream_id: row for row in rows.stream}
        for row in rows.play:
            self.plays.setdefault(row.stream_id, {})[row.session_id] = row
        self.bucket = max(rows.messages, key=lambda row: row.started_at, default=None)

    @property
    def is_over(self) -> bool:
        """Whether the room has closed."""
        return self.call.ended_at is not None

    def apply(self, seq: int, at: int, event: Any, out: Rows) -> None:
        """Folds the next event; None stands for one of a type without rows."""
        call = self.call
        call.seq, call.last_event_at = seq, at
        if not call.changed:
            call.changed = True
            out.call.append(call)
        kind = cast("type[Any]", type(event))
        change = self.CHANGES.get(kind)
        if change is not None:
            change(self, seq, at, event, out)

    # sessions

    def _on_joined(self, seq: int, at: int, event: Joined, out: Rows) -> None:
        before = self.sessions.pop(event.session_id, None)
        if before is not None:
            self._end_session(before, seq, at, LEFT, "", 0, out)
        row = SessionRow(self.call.room_uid, seq, event.session_id, event.actor, event.user_name, at)
        _put(out.session, row)
        self.sessions[event.session_id] = row
        self._logins[event.actor] += 1
        person = self._person(event.actor, at, out)
        person.sessions += 1
        person.last_at = None
        self.call.sessions += 1
        self.call.peak = max(self.call.peak, len(self.sessions))

    def _person(self, actor: str, at: int, out: Rows) -> ParticipantRow:
        person = self.participants.get(actor)
        if person is None:
            person = self.participants[actor] = ParticipantRow(self.call.room_uid, actor, self.call.app, at, at)
            self.call.participants += 1
        _put(out.participant, person)
        return person

    def _on_left(self, seq: int, at: int, event: ev.UserLeft, out: Rows) -> None:
        row = self.sessions.pop(event.session_id, None)
        if row is not None:
            self._end_session(row, seq, at, LEFT, event.reason, 0, out)

    def _on_kicked(self, seq: int, at: int, event: ev.UserKicked, out: Rows) -> None:
        self.call.kicks += 1
        row = self.sessions.pop(event.session_id, None)
        if row is not None:
            self._end_session(row, seq, at, KICKED, event.reason, event.code, out)
            self._person(row.actor, at, out).kicks += 1

    def _end_session(self, row: SessionRow, seq: int, at: int, how: str, reason: str, code: int, out: Rows) -> None:
        self._end_absence(row, at)
        row.left_seq, row.left_at, row.how, row.reason, row.code = seq, at, how, reason, _in_column(code)
        _put(out.session, row)
        person = self._person(row.actor, at, out)
        self._logins[row.actor] -= 1
        if self._logins[row.actor] <= 0:
            person.last_at = at

    def _on_suspended(self, seq: int, at: int, event: ev.UserSuspended, out: Rows) -> None:
        row = self.sessions.get(event.session_id)
        if row is not None and row.away_since is None:
            row.away += 1
            row.away_since = at
            _put(out.session, row)

    def _on_resumed(self, seq: int, at: int, event: ev.UserResumed, out: Rows) -> None:
        row = self.sessions.get(event.session_id)
        if row is not None:
            self._end_absence(row, at)
            _put(out.session, row)

    @staticmethod
    def _end_absence(row: SessionRow, at: int) -> None:
        if row.away_since is not None:
            row.away_us += at - row.away_since
            row.away_since = None

    # streams

    def _on_stream(self, seq: int, at: int, event: ev.StreamAdded | ev.StreamUpdated, out: Rows) -> None:
        row = self.streams.get(event.stream_id)
        if row is None:
            row = StreamRow(self.call.room_uid, seq, event.stream_id, event.session_id, event.actor, at)
            self.streams[event.stream_id] = row
            self.call.streams += 1
        row.session_id, row.actor = event.session_id, event.actor
        row.codec, row.has_audio, row.has_video = event.codec, event.has_audio, event.has_video
        _add_node(row, event.node)
        _put(out.stream, row)

    def _on_removed(self, seq: int, at: int, event: ev.StreamRemoved, out: Rows) -> None:
        row = self.streams.pop(event.stream_id, None)
        if row is not None:
            self._end_stream(row, seq, at, event.code, REMOVED, out)

    def _end_stream(self, row: StreamRow, seq: int, at: int, code: int, reason: str, out: Rows) -> None:
        row.removed_seq, row.removed_at, row.code = seq, at, _in_column(code)
        _put(out.stream, row)
        for play in self.plays.pop(row.stream_id, {}).values():
            self._end_play(play, seq, at, reason, out)

    def _on_play(self, seq: int, at: int, event: ev.PlayStarted, out: Rows) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is None:
            return
        players = self.plays.setdefault(event.stream_id, {})
        if event.session_id in players:
            return
        uid = self.call.room_uid
        row = PlayRow(uid, seq, event.stream_id, event.session_id, event.actor, stream.actor, at)
        players[event.session_id] = row
        self.call.plays += 1
        _put(out.play, row)

    def _on_stopped(self, seq: int, at: int, event: ev.PlayStopped, out: Rows) -> None:
        row = None if event.remaining else self.plays.get(event.stream_id, {}).pop(event.session_id, None)
        if row is not None:
            self._end_play(row, seq, at, event.reason, out)

    @staticmethod
    def _end_play(row: PlayRow, seq: int, at: int, reason: str, out: Rows) -> None:
        row.stopped_seq, row.stopped_at, row.reason = seq, at, reason
        _put(out.play, row)

    # messages and the end

    def _on_message(self, seq: int, at: int, event: Message, out: Rows) -> None:
        begin = at - at % BUCKET_US
        bucket = self.bucket
        if bucket is None or bucket.started_at != begin:
            bucket = self.bucket = MessagesRow(self.call.room_uid, begin)
        for counts in (bucket, self.call):
            setattr(counts, event.COUNT, getattr(counts, event.COUNT) + 1)
        _put(out.messages, bucket)
        person = self.participants.get(event.actor)
        if person is not None:
            person.messages += 1
            _put(out.participant, person)

    def _on_closed(self, seq: int, at: int, event: ev.RoomClosed, out: Rows) -> None:
        self.call.ended_at, self.call.reason = at, event.reason
        sessions, self.sessions = self.sessions, {}
        for session in sessions.values():
            self._end_session(session, seq, at, CLOSED, event.reason, 0, out)
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            self._end_stream(stream, seq, at, 0, CLOSED, out)

    CHANGES: ClassVar[dict[type[Any], "_Change"]] = {
        Joined: _on_joined,
        ev.UserLeft: _on_left,
        ev.UserKicked: _on_kicked,
        ev.UserSuspended: _on_suspended,
        ev.UserResumed: _on_resumed,
        ev.StreamAdded: _on_stream,
        ev.StreamUpdated: _on_stream,
        ev.StreamRemoved: _on_removed,
        ev.PlayStarted: _on_play,
        ev.PlayStopped: _on_stopped,
        Broadcast: _on_message,
        Barrage: _on_message,
        Command: _on_message,
        ev.RoomClosed: _on_closed,
    }


def _put(rows: list[Any], row: Row) -> None:
    if not row.changed:
        row.changed = True
        rows.append(row)


def _in_column(code: int) -> int:
    """Returns the code, cut to the 32 bits of its column, which all real ones fit."""
    return max(-HIGHEST_CODE, min(HIGHEST_CODE, code))


def _add_node(row: StreamRow, node: str) -> None:
    nodes = _nodes.decode(row.nodes)
    if node not in nodes:
        row.nodes = _encode([*nodes, node]).decode()
