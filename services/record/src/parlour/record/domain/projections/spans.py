"""Turns rows into answers, with user ids and names beside actors until the person is erased."""

from collections.abc import Mapping

import msgspec

from parlour.contracts import history as h

from .rows import CallRow, MessagesRow, ParticipantRow, PlayRow, SessionRow, StreamRow

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
