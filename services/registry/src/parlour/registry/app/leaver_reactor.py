"""Ends what a session had when it leaves its room: its streams and plays, its claims on stream ids, its transports.

Runs as a reactor on `room.user_left`, `room.user_kicked` and `room.closed`, and at once for a publisher who finds its stream id held by a
session that is gone. Both may happen: whoever comes second finds nothing left to do.
"""

from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.relay import StopPlay, StopPublish
from parlour.kernel.decider import fold
from parlour.kernel.log import Append, AppendUnit, EventLog, LogKey
from parlour.kernel.sealing import UserKeyStore
from parlour.kernel.view import event_of
from parlour.registry.domain import streams as domain
from parlour.runtime.clock import reaction_id
from parlour.runtime.deciding.context import Stale
from parlour.runtime.deciding.sealing import open_records

from . import stream_units
from .stream_units import SERVICE_PRINCIPAL, StreamDecider
from .transports import TransportController

REACTOR = "registry.leavers"
REACTS_TO = frozenset({ev.UserLeft.TAG, ev.UserKicked.TAG, ev.RoomClosed.TAG})
COMMIT_TRIES = 5
RECORDS_PER_READ = 500


class LeaverReactor(msgspec.Struct, frozen=True):
    """Ends what a session had in a room."""

    log: EventLog
    people: UserKeyStore
    decider: StreamDecider
    transports: TransportController

    async def react(self, view: EventView) -> None:
        """The reactor's handler: one event after which a session, or everybody, is out of the room."""
        event = event_of(view)
        if not isinstance(event, ev.UserLeft | ev.UserKicked | ev.RoomClosed):
            return
        key = LogKey(view.app, view.room, UUID(view.room_uid))
        cause = f"{view.room_uid}:{view.seq}"
        code = removal_code(event)
        if isinstance(event, ev.RoomClosed):
            for session_id in {stream.session_id for stream in (await self._load(key))[0].streams.values()}:
                await self.end_session(key, session_id, code, self.decider.ids.uuid7(), cause)
            return
        in_no_room = not await self._is_in_any_room(key.app, event.session_id, event.actor)
        if in_no_room:
            await self.transports.close_session(event.session_id)
        command_id = reaction_id(view.room_uid, view.seq, REACTOR)
        await self.end_session(key, event.session_id, code, command_id, cause, stop_media=not in_no_room)

    async def evict_absent_holder(self, app: int, stream_id: str) -> bool:
        """Frees a stream id whose holder's session is gone. True where the id is free now, False where the holder is present."""
        holder = await stream_units.load_holder(self.log, app, stream_id)
        if holder is None:
            return True
        if await stream_units.is_holder_present(self.log, app, holder):
            return False
        head = await self.log.head(UUID(holder.room_uid))
        if head is not None:
            await self.end_session(head.log, holder.session_id, 3, self.decider.ids.uuid7(), "")
            release = stream_units.release_stream(head.log, holder.session_id, holder.actor, stream_id)
            await self.decider.rooms.committer.commit(
                AppendUnit(app, self.decider.ids.uuid7(), SERVICE_PRINCIPAL, b"", claims=(release,))
            )
        return True

    async def end_session(
        self, key: LogKey, session_id: str, code: int, command_id: str, cause: str, *, stop_media: bool = True
    ) -> None:
        """Appends the events where the call is open, releases the claims in any case, then stops the session's media at the relays."""
        for _ in range(COMMIT_TRIES):
            state, version = await self._load(key)
            own, plays = state.of_session(session_id), state.plays_of(session_id)
            events = self.decider.events(state, domain.EndSession(session_id, code))
            changes = (Append(key, domain.AGGREGATE, version, events),) if events else ()
            releases = tuple(stream_units.release_stream(key, s.session_id, s.actor, s.stream_id) for s in own)
            draft = AppendUnit(
                key.app, command_id, SERVICE_PRINCIPAL, b"", b"null", changes, releases, causation_id=cause
            )
            try:
                if changes or releases:
                    self.decider.rooms.apply_events((await self.decider.rooms.committer.commit(draft)).views)
            except Stale:
                continue
            if stop_media:
                await self._stop_media(own, plays)
            return

    async def _stop_media(self, own: tuple[domain.Stream, ...], plays: tuple[domain.Play, ...]) -> None:
        for stream in own:
            await self.transports.request_quietly(stream.node, StopPublish(stream.transport_id, stream.stream_id))
        for play in plays:
            for transport_id in play.transports:
                await self.transports.request_quietly(play.node, StopPlay(transport_id, play.stream_id))

    async def _is_in_any_room(self, app: int, session_id: str, actor: str) -> bool:
        rows = await self.log.claims(stream_units.CLIENT_SESSION, app, actor)
        return any(row.holder == session_id for row in rows)

    async def _load(self, key: LogKey) -> tuple[domain.State, int]:
        """State and version of one call; the latest of a room is in the cache, an older one is folded from the log."""
        loaded = await self.decider.rooms.load(key.app, key.room, fresh=True)
        if loaded.key == key:
            return loaded.state, loaded.version
        state, after = domain.INITIAL, 0
        while records := await self.log.read(key.uid, after, RECORDS_PER_READ):
            views = await open_records(self.people, records)
            state = fold(domain.evolve, state, [event for event in map(event_of, views) if event is not None])
            after = records[-1].seq
        return state, 0


def removal_code(event: ev.UserLeft | ev.UserKicked | ev.RoomClosed) -> int:
    """The code of `stream.removed` that tells clients why a leaver's streams end."""
    match event:
        case ev.UserLeft(reason=reason):
            return domain.REMOVAL_CODES.get(reason, 1)
        case ev.UserKicked(code=code):
            return 3 if code == Code.KICKED_LOGIN_ELSEWHERE else 4
        case ev.RoomClosed():
            return domain.REMOVAL_CODES["room_closed"]
