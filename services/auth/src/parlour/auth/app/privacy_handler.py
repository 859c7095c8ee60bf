"""Handles the commands about erasures and legal holds. An erasure is requested on the app's log, then the person's key is destroyed, then
that is confirmed on the log.

A crash in between leaves an erasure that is due; `sweep` completes it. Destroying a key twice is harmless.
"""

import asyncio
from typing import Protocol

import msgspec

from parlour.auth.domain import privacy as domain
from parlour.auth.domain.privacy import ConfirmErasure, Erase, Hold, PrivacyCommand, RecheckErasure, Release, State
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Erasure, Holds, Reply
from parlour.contracts.ids import check_reason, check_room_id, check_user_id, invalid
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.log import Append, AppendUnit, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext, CommitResult, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache, decide_and_commit
from parlour.runtime.telemetry.logging import logger

from .vault import Vault

SWEEP_INTERVAL_S = 30.0
HOLD_CHECK_TRIES = 8

log = logger(__name__)


class PersonKeys(Protocol):
    """The keys that seal people's texts, and the rooms in which people appear."""

    async def destroy(self, actor: str) -> None:
        """Destroys a person's key; one that is gone already is no error."""
        ...

    async def rooms_of(self, app: int, rooms: frozenset[str], actor: str) -> frozenset[str]:
        """Those of the rooms in whose logs the person appears."""
        ...


class _NewHold(Exception):
    """A room was put on hold after we looked in which rooms the person appears."""


class PrivacyHandler:
    """Handles EraseUser, PlaceHold, ReleaseHold and ListHolds."""

    def __init__(
        self, cache: StateCache[State], committer: Committer, people: UserKeyStore, keys: PersonKeys, vault: Vault, clock: Clock,
        ids: Ids,
    ) -> None:  # fmt: skip
        self._cache = cache
        self._committer = committer
        self._people = people
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._ids = ids

    async def erase(self, context: CommandContext, body: cmd.EraseUser) -> Reply:
        """Erases a user: the answer says whether that is done, waits until a hold is released, or concerns nobody."""
        actor = await self._people.known(context.app, check_user_id(body.user_id))
        if actor is None:
            return Reply(msgspec.Raw(msgspec.json.encode(Erasure("unknown"))))
        await self._commit_with_held_rooms(context, actor, Erase)
        await self.settle(context.app)
        state = (await self._cache.load(context.app, "", fresh=True)).state
        return Reply(
            msgspec.Raw(msgspec.json.encode(Erasure("waiting" if actor in state.waiting else "erased", actor)))
        )

    async def hold(self, context: CommandContext, body: cmd.PlaceHold) -> Reply:
        """Places a hold: from the commit on nobody whom it covers is erased."""
        check_reason(body.reason)
        actor, room = await self._target(context.app, body.user_id, body.room)
        return reply_of(await self._commit(context, Hold(actor, room, body.reason)))

    async def release(self, context: CommandContext, body: cmd.ReleaseHold) -> Reply:
        """Releases a hold and completes the erasures that waited for it."""
        actor, room = await self._target(context.app, body.user_id, body.room)
        done = await self._commit(context, Release(actor, room))
        await self.settle(context.app)
        return reply_of(done)

    async def holds(self, context: CommandContext, body: cmd.ListHolds) -> Reply:
        """Answers with the holds, and how many erasures wait."""
        state = (await self._cache.load(context.app, "", fresh=True)).state
        users = (await self._people.user_ids(state.actors)).values() if state.actors else ()
        found = Holds(tuple(sorted(users)), tuple(sorted(state.rooms)), len(state.waiting))
        return Reply(msgspec.Raw(msgspec.json.encode(found)))

    async def settle(self, app: int) -> None:
        """Completes the erasures of an app that no hold covers any more."""
        state = (await self._cache.load(app, "", fresh=True)).state
        for actor in sorted(state.waiting):
            await self._commit_with_held_rooms(self._own_call(app), actor, RecheckErasure)
        for actor in sorted((await self._cache.load(app, "", fresh=True)).state.due):
            await self._keys.destroy(actor)
            await self._commit(self._own_call(app), ConfirmErasure(actor))
            log.info("person_erased", app=app, actor=actor)

    async def sweep(self) -> None:
        """Completes, in every app and until cancelled, the erasures that a process left undone when it died."""
        while True:
            try:
                for app in await self._vault.apps():
                    await self.settle(app.app)
            except (LogUnavailable, Rejection) as error:
                log.warning("erasure_sweep_failed", error=str(error))
            await asyncio.sleep(SWEEP_INTERVAL_S)

    async def _commit_with_held_rooms(
        self, context: CommandContext, actor: str, kind: type[Erase] | type[RecheckErasure]
    ) -> None:
        """Decides with the held rooms that the person appears in; looks again where another room was put on hold meanwhile."""
        for _ in range(HOLD_CHECK_TRIES):
            rooms = (await self._cache.load(context.app, "", fresh=True)).state.rooms
            inside = await self._keys.rooms_of(context.app, rooms, actor) if rooms else frozenset[str]()
            try:
                await self._commit(context, kind(actor, inside), looked_at=rooms)
            except _NewHold:
                continue
            return
        raise Rejection.of(Code.UNAVAILABLE, "holds change too fast", hint="try again")

    async def _commit(
        self, context: CommandContext, command: PrivacyCommand, looked_at: frozenset[str] | None = None
    ) -> CommitResult:
        def decide(app: RoomSnapshot[State]) -> AppendUnit:
            if app.key is None:
                raise Rejection.of(Code.APP_ID, "there is no such app", field="app")
            if looked_at is not None and app.state.rooms - looked_at:
                raise _NewHold
            events = domain.decide(app.state, command, at=self._clock.at(), ids=self._ids)
            return (
                context.make_unit(Append(app.key, domain.AGGREGATE, app.version, events))
                if events
                else context.make_unit()
            )

        return await decide_and_commit(self._cache, self._committer, context, decide)

    async def _target(self, app: int, user_id: str, room: str) -> tuple[str, str]:
        if bool(user_id) == bool(room):
            raise invalid(Code.PARAMETER, "user_id", "name either a user or a room")
        if room:
            return "", check_room_id(room)
        return await self._people.actor(app, check_user_id(user_id)), ""

    def _own_call(self, app: int) -> CommandContext:
        """A command of the service's own; the decider sees to it that it is done once only."""
        return CommandContext(app, "", self._ids.uuid7(), "service:auth", b"")
