"""Questions about calls, answered by `record` from its projections, and the shapes of the answers.

A *call* lasts from the opening of a room to its closing. Times are unix microseconds and numbers are those of the log; an end that has not
come is null. People
are their random `actor`, with `userID` and `userName` as long as they are not erased. The asker's room stands in the subject
(`….qry.<room>.<verb>`; the empty one asks about the whole app): a call of another room is answered like none.
"""

import msgspec

from .codes import Problem
from .queries import ExtraState, StreamState, UserState
from .spelling import wire_name

CALLS_MOST = 200
"""Calls in one page."""
ROWS_MOST = 1000
"""Rows of a timeline or of views in one page: below NATS's megabyte with the longest ids."""
BUCKET_US = 10_000_000
"""Messages are counted, and quality is sampled, for ten seconds at a time."""


class CallsQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Calls that began in `from_at <= begin < to_at` (0: no bound), newest first; `user`: those in which this user was.

    `cursor` is a page's `next`. `min_pos`: a position that the answer must not be older than (here and in the other questions).
    """

    user: str = ""
    from_at: int = 0
    to_at: int = 0
    cursor: str = ""
    limit: int = 50
    min_pos: str = ""


class Call(msgspec.Struct, frozen=True, rename=wire_name):
    """One call of a room as of its event `seq`. `reason` is how it ended; `participants` are people, `sessions` their logins."""

    app: int
    room: str
    room_uid: str
    started_at: int
    ended_at: int | None
    reason: str
    seq: int
    at: int
    participants: int
    sessions: int
    peak: int
    streams: int
    plays: int
    kicks: int
    broadcasts: int
    barrages: int
    commands: int


class ArchivedCalls(msgspec.Struct, frozen=True, rename=wire_name):
    """Calls that are in the database no more: how many of them, begun in `month`, are in which file."""

    month: str
    file: str
    calls: int


class Calls(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A page; `next` is empty on the last one, and there `archived` names the files with older calls that were asked for.

    Whose calls those in a file are is not known without it: `archived` stays empty where a user was asked for.
    """

    calls: tuple[Call, ...] = ()
    next: str = ""
    problem: Problem | None = None
    archived: tuple[ArchivedCalls, ...] = ()


class CallQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Asks for one call."""

    room_uid: str
    min_pos: str = ""


class OneCall(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """The answer to a CallQuery, with everybody who was in it, in the order of their first login (at most `ROWS_MOST`)."""

    call: Call | None = None
    participants: "tuple[Participant, ...]" = ()
    problem: Problem | None = None


class Participant(msgspec.Struct, frozen=True, rename=wire_name):
    """A person in a call: from the first login to the last end of a session (null: still there), and what they sent."""

    actor: str
    user_id: str
    first_at: int
    last_at: int | None
    sessions: int
    kicks: int
    messages: int


class TimelineQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A call as intervals, from its beginning; `cursor` is a page's `next`."""

    room_uid: str
    cursor: str = ""
    limit: int = ROWS_MOST
    min_pos: str = ""


class SessionSpan(msgspec.Struct, frozen=True, rename=wire_name):
    """A login. how: empty (still there), left, kicked, closed; `reason` and `code` are the event's. `away` counts suspensions and
    `away_us` adds up those that ended."""

    session_id: str
    actor: str
    user_id: str
    user_name: str
    joined_seq: int
    joined_at: int
    left_seq: int | None
    left_at: int | None
    how: str
    reason: str
    code: int
    away: int
    away_us: int


class StreamSpan(msgspec.Struct, frozen=True, rename=wire_name):
    """A stream from its adding to its removal; `code` is the removal's (0: still there, or the room closed). `nodes` are the relays
    that carried it, its own first."""

    stream_id: str
    session_id: str
    actor: str
    user_id: str
    added_seq: int
    added_at: int
    removed_seq: int | None
    removed_at: int | None
    code: int
    codec: str
    has_audio: bool
    has_video: bool
    nodes: tuple[str, ...]


class PlaySpan(msgspec.Struct, frozen=True, rename=wire_name):
    """Somebody saw a stream. `by` is the publisher. reason: that of the stop, or removed, closed when the stream or the room ended."""

    stream_id: str
    session_id: str
    actor: str
    user_id: str
    by_actor: str
    by_user_id: str
    started_seq: int
    started_at: int
    stopped_seq: int | None
    stopped_at: int | None
    reason: str


class MessageCount(msgspec.Struct, frozen=True, rename=wire_name):
    """Messages of the ten seconds that begin at `at`."""

    at: int
    broadcasts: int
    barrages: int
    commands: int


class Timeline(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A page: first the sessions, then streams, plays and message counts, each in its order; `next` is empty on the last one."""

    call: Call | None = None
    sessions: tuple[SessionSpan, ...] = ()
    streams: tuple[StreamSpan, ...] = ()
    plays: tuple[PlaySpan, ...] = ()
    messages: tuple[MessageCount, ...] = ()
    next: str = ""
    problem: Problem | None = None


class ViewsQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Who saw which stream when, in the order of beginning; of one stream, by one user, or all."""

    room_uid: str
    stream_id: str = ""
    user: str = ""
    cursor: str = ""
    limit: int = ROWS_MOST
    min_pos: str = ""


class Views(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A page; `next` is empty on the last one."""

    views: tuple[PlaySpan, ...] = ()
    next: str = ""
    problem: Problem | None = None


class StateDifference(msgspec.Struct, frozen=True, rename=wire_name):
    """What a room of event `to_seq` has that the one of `from_seq` had not, and the other way round.

    `changed` holds who and what is in both but not the same, as of `to_seq`; `started` and `stopped` are (streamID, sessionID) of plays.
    """

    room_uid: str
    from_seq: int
    to_seq: int
    from_at: int
    to_at: int
    opened: bool
    closed: bool
    joined: tuple[UserState, ...]
    left: tuple[UserState, ...]
    changed: tuple[UserState, ...]
    streams_added: tuple[StreamState, ...]
    streams_removed: tuple[StreamState, ...]
    streams_changed: tuple[StreamState, ...]
    started: tuple[tuple[str, str], ...]
    stopped: tuple[tuple[str, str], ...]
    extra_info: tuple[ExtraState, ...]
    messages: int


class Generation(msgspec.Struct, frozen=True, rename=wire_name):
    """One set of projections: `done` of `total` events of the log are in it."""

    number: int
    version: int
    active: bool
    done: int
    total: int
    begun_at: int


class History(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """The generations, oldest first: queries are answered by the active one while another is being built."""

    generations: tuple[Generation, ...] = ()
