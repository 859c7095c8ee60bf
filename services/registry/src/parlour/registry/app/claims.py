"""The claims behind streams: what makes a stream id unique in an app, and what proves that a session is in its room.

The holder of `live_stream` names session, actor and the room's life, so that whoever finds an id taken can tell whether its holder still
lives. A session in two rooms can't publish one id in both.
"""

from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.commands import Caller
from parlour.kernel.log import Claim, EventLog, LogKey
from parlour.kernel.rejection import Rejection
from parlour.registry.domain.streams import stream_exists
from parlour.runtime.deciding.commit import ClaimRefused

LIVE_STREAM = "live_stream"
CLIENT_SESSION = "client_session"


class Holder(msgspec.Struct, frozen=True):
    """Who has a stream id."""

    session_id: str
    actor: str
    room_uid: str

    def __str__(self) -> str:
        return f"{self.session_id}/{self.actor}/{self.room_uid}"


def parse_holder(text: str) -> Holder:
    """What `str` wrote."""
    session_id, actor, room_uid = text.split("/")
    return Holder(session_id, actor, room_uid)


def in_room(key: LogKey, caller: Caller) -> Claim:
    """The caller's session is in the room when the unit commits."""
    return Claim("require", CLIENT_SESSION, key.app, caller.actor, caller.session_id, key.room)


def take_stream(key: LogKey, session_id: str, actor: str, stream_id: str) -> Claim:
    """The stream id is the session's, in this life of the room."""
    return Claim("take", LIVE_STREAM, key.app, stream_id, str(Holder(session_id, actor, str(key.uid))))


def release_stream(key: LogKey, session_id: str, actor: str, stream_id: str) -> Claim:
    """The stream id is free again."""
    return Claim("release", LIVE_STREAM, key.app, stream_id, str(Holder(session_id, actor, str(key.uid))))


async def holder_of(log: EventLog, app: int, stream_id: str) -> Holder | None:
    """Who has the id now."""
    rows = await log.claims(LIVE_STREAM, app, stream_id)
    return parse_holder(rows[0].holder) if rows else None


async def is_live(log: EventLog, app: int, holder: Holder) -> bool:
    """Whether the holder's session is still in the room's life that it published in."""
    head = await log.head(UUID(holder.room_uid))
    if head is None or not head.open:
        return False
    rows = await log.claims(CLIENT_SESSION, app, holder.actor)
    return any(row.holder == holder.session_id and row.slot == head.log.room for row in rows)


def refusal(error: ClaimRefused) -> Rejection:
    """What a refused claim means to the client."""
    if error.claim.kind == LIVE_STREAM:
        return stream_exists(error.claim.key)
    return Rejection.of(Code.ROOM_NOT_LOGGED_IN, "the session is not in this room", field="roomID", hint="log in first")
