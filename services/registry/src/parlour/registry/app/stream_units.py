"""What a decision about streams commits: its events, and the claims that make a stream id unique and prove that a session is in its room.

The holder of a `live_stream` claim names session, actor and the call, so that whoever finds an id taken can tell whether its holder is
still there. A session in two rooms can't publish one id in both.
"""

from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.log import Append, AppendUnit, Claim, Deadline, EventLog, LogKey
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.runtime.deciding.context import ClaimRefused, CommandContext, CommitResult
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache

SERVICE_PRINCIPAL = "service:"
LIVE_STREAM = "live_stream"
CLIENT_SESSION = "client_session"


class StreamDecision(msgspec.Struct, frozen=True):
    """What commands did to a room's streams: at most one change, and the claims on stream ids that they release."""

    changes: tuple[Append, ...] = ()
    releases: tuple[Claim, ...] = ()


class StreamDecider(msgspec.Struct, frozen=True):
    """Applies the decider of streams to loaded rooms."""

    rooms: StateCache[domain.State]
    clock: Clock
    ids: Ids

    async def commit(
        self, context: CommandContext, *commands: domain.StreamCommand, deadlines: tuple[Deadline, ...] = ()
    ) -> CommitResult:
        """Decides and commits commands about one room in one unit, with the claims that they release."""

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            decision = self.decide(loaded, *commands)
            return context.make_unit(*decision.changes, claims=decision.releases, deadlines=deadlines)

        return await self.rooms.decide_and_commit(context, decide)

    def events(self, state: domain.State, command: domain.StreamCommand) -> tuple[ev.Event, ...]:
        """The events that a command causes; raises `Rejection` where a rule forbids it."""
        return domain.decide(state, command, at=self.clock.at(), ids=self.ids)

    def decide(self, loaded: RoomSnapshot[domain.State], *commands: domain.StreamCommand) -> StreamDecision:
        """One change with the events of all commands, each decided on `loaded`, and the claims of the streams that they remove."""
        events = tuple(event for command in commands for event in self.events(loaded.state, command))
        key = loaded.key
        if not events or key is None:
            return StreamDecision()
        removed = (event for event in events if isinstance(event, ev.StreamRemoved))
        releases = tuple(release_stream(key, each.session_id, each.actor, each.stream_id) for each in removed)
        return StreamDecision((Append(key, domain.AGGREGATE, loaded.version, events),), releases)


class StreamHolder(msgspec.Struct, frozen=True):
    """The session that a stream id belongs to, and the call in which it publishes; its text is the claim's holder."""

    session_id: str
    actor: str
    room_uid: str

    def __str__(self) -> str:
        return f"{self.session_id}/{self.actor}/{self.room_uid}"


def parse_holder(text: str) -> StreamHolder:
    """Reads the text that `str(StreamHolder)` wrote."""
    session_id, actor, room_uid = text.split("/")
    return StreamHolder(session_id, actor, room_uid)


def require_session(key: LogKey, session_id: str, actor: str) -> Claim:
    """The condition that the actor's session is in the room when the unit commits."""
    return Claim("require", CLIENT_SESSION, key.app, actor, session_id, key.room)


def take_stream(key: LogKey, session_id: str, actor: str, stream_id: str) -> Claim:
    """Claims the stream id for the session in this call."""
    return Claim("take", LIVE_STREAM, key.app, stream_id, str(StreamHolder(session_id, actor, str(key.uid))))


def release_stream(key: LogKey, session_id: str, actor: str, stream_id: str) -> Claim:
    """Gives the session's claim on the stream id back; harmless where another session holds it."""
    return Claim("release", LIVE_STREAM, key.app, stream_id, str(StreamHolder(session_id, actor, str(key.uid))))


async def load_holder(log: EventLog, app: int, stream_id: str) -> StreamHolder | None:
    """Reads who holds the stream id now."""
    rows = await log.claims(LIVE_STREAM, app, stream_id)
    return parse_holder(rows[0].holder) if rows else None


async def is_holder_present(log: EventLog, app: int, holder: StreamHolder) -> bool:
    """Whether the holder's session is still in the call in which it published."""
    head = await log.head(UUID(holder.room_uid))
    if head is None or not head.open:
        return False
    rows = await log.claims(CLIENT_SESSION, app, holder.actor)
    return any(row.holder == holder.session_id and row.slot == head.log.room for row in rows)


def rejection_of(error: ClaimRefused) -> Rejection:
    """What a refused claim means to the client."""
    if error.claim.kind == LIVE_STREAM:
        return domain.stream_exists(error.claim.key)
    return Rejection(Code.ROOM_NOT_LOGGED_IN, "the session is not in this room", field="roomID", hint="log in first")
