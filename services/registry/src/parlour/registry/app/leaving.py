"""What follows when a session leaves its room: its streams and plays end, its stream ids are free, its transports close.

Runs as a reactor on `room.user_left`, `room.user_kicked` and `room.closed`, and at once for a publisher who finds its stream id held by a
session that is gone. Both may happen: whoever comes second finds nothing left to do.
"""

from uuid import UUID

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import fold
from parlour.kernel.log import Claim, EventLog, LogKey
from parlour.kernel.sealing import People
from parlour.kernel.view import event_of
from parlour.registry.domain import streams as rules
from parlour.registry.domain.state import Playing, Stream, Streams, evolve
from parlour.runtime.deciding.commit import Change, Committer, Draft, Stale
from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.deciding.sealing import open_records
from parlour.runtime.life.clock import SystemIds, reaction_id

from . import claims
from .transports import Transports

REACTOR = "registry.leaving"
TRIES = 5
PAGE = 500


class Leaving:
    """Ends what a session had in a room."""

    def __init__(
        self, log: EventLog, people: People, cache: StateCache[Streams], committer: Committer, transports: Transports
    ) -> None:
        self._log = log
        self._people = people
        self._cache = cache
        self._committer = committer
        self._transports = transports
        self._ids = SystemIds()

    async def react(self, view: EventView) -> None:
        """The reactor's handler."""
        event = event_of(view)
        if not isinstance(event, ev.UserLeft | ev.UserKicked | ev.RoomClosed):
            return
        key = LogKey(view.app, view.room, UUID(view.room_uid))
        command_id = reaction_id(view.room_uid, view.seq, REACTOR)
        cause = f"{view.room_uid}:{view.seq}"
        code = rules.removal_code(event)
        if isinstance(event, ev.RoomClosed):
            for session_id in {s.session_id for s in (await self._loaded(key))[0].streams.values()}:
                await self.end_session(key, session_id, code, self._ids.uuid7(), cause)
            return
        alone = await self._in_no_room(key.app, event.session_id, event.actor)
        if alone:
            await self._transports.close_all(self._transports.of_session(event.session_id))
        await self.end_session(key, event.session_id, code, command_id, cause, stop_media=not alone)

    async def evict_dead(self, app: int, stream_id: str) -> bool:
        """Frees a stream id whose holder's session is gone; False where the holder lives, True where the id is free now."""
        holder = await claims.holder_of(self._log, app, stream_id)
        if holder is None:
            return True
        if await claims.is_live(self._log, app, holder):
            return False
        head = await self._log.head(UUID(holder.room_uid))
        if head is not None:
            await self.end_session(head.log, holder.session_id, 3, self._ids.uuid7(), "")
            free = claims.release_stream(head.log, holder.session_id, holder.actor, stream_id)
            await self._committer.commit(Draft(app, self._ids.uuid7(), "service:", b"", claims=(free,)))
        return True

    async def end_session(
        self, key: LogKey, session_id: str, code: int, command_id: str, cause: str, *, stop_media: bool = True
    ) -> None:
        """Events where the life is open, claims given back in any case, then the relay's side."""
        for _ in range(TRIES):
            state, version = await self._loaded(key)
            own = state.of_session(session_id)
            plays = state.plays_of(session_id)
            free = tuple(claims.release_stream(key, s.session_id, s.actor, s.stream_id) for s in own)
            try:
                await self._commit(key, state, version, rules.EndSession(session_id, code), free, command_id, cause)
            except Stale:
                continue
            if stop_media:
                await self._stop_media(own, plays)
            return

    async def _stop_media(self, own: tuple[Stream, ...], plays: tuple[Playing, ...]) -> None:
        for stream in own:
            await self._transports.stop_publish(stream.node, stream.transport_id, stream.stream_id)
        for play in plays:
            for transport in play.transports:
                await self._transports.stop_play(play.node, transport, play.stream_id)

    async def _commit(
        self, key: LogKey, state: Streams, version: int, command: rules.EndSession, free: tuple[Claim, ...],
        command_id: str, cause: str,
    ) -> None:  # fmt: skip
        events = rules.decide(state, command)
        if not events and not free:
            return
        changes = (Change(key, "streams", version, events),) if events else ()
        draft = Draft(key.app, command_id, "service:", b"", b"null", changes, free, causation_id=cause)
        done = await self._committer.commit(draft)
        self._cache.applied(done.views)

    async def _in_no_room(self, app: int, session_id: str, actor: str) -> bool:
        """A session that is in no room any more needs no transport."""
        rows = await self._log.claims(claims.CLIENT_SESSION, app, actor)
        return not any(row.holder == session_id for row in rows)

    async def _loaded(self, key: LogKey) -> tuple[Streams, int]:
        """State and version of one life; the latest is in the cache, an older one is folded from the log."""
        loaded = await self._cache.load(key.app, key.room, fresh=True)
        if loaded.key == key:
            return loaded.state, loaded.version
        state, after = Streams(), 0
        while records := await self._log.read(key.uid, after, PAGE):
            views = await open_records(self._people, records)
            state = fold(evolve, state, [event for event in map(event_of, views) if event is not None])
            after = records[-1].seq
        return state, 0
