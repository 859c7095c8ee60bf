"""Handles the commands about erasures and legal holds. An erasure is requested on the app's log, then the person's key is destroyed, then
that is confirmed on the log.

A crash in between leaves an erasure that is due; `sweep` completes it. Destroying a key twice is harmless.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from parlour.auth.domain.privacy import ConfirmErasure, Erase, Hold, PrivacyCommand, RecheckErasure, Release, State
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Erasure, Holds, Reply
from parlour.contracts.ids import check_reason, check_room_id, check_user_id, invalid
from parlour.kernel.decider import Ids
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.context import CommandContext, reply_of
from parlour.runtime.telemetry.logging import logger

from .app_log import AppAggregate
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


@dataclass(eq=False, repr=False)
class PrivacyHandler:
    """Handles EraseUser, PlaceHold, ReleaseHold and ListHolds."""

    _privacy: AppAggregate[State, PrivacyCommand]
    _people: UserKeyStore
    _keys: PersonKeys
    _vault: Vault
    _ids: Ids

    async def erase(self, context: CommandContext, body: cmd.EraseUser) -> Reply:
        """Erases a user: the answer says whether that is done, waits until a hold is released, or concerns nobody."""
        actor = await self._people.known(context.app, check_user_id(body.user_id))
        if actor is None:
            return Reply.with_result(Erasure("unknown"))
        await self._commit_with_held_rooms(context, actor, Erase)
        await self.settle(context.app)
        state = await self._privacy.load(context.app, fresh=True)
        return Reply.with_result(Erasure("waiting" if actor in state.waiting else "erased", actor))

    async def hold(self, context: CommandContext, body: cmd.PlaceHold) -> Reply:
        """Places a hold: from the commit on nobody whom it covers is erased."""
        check_reason(body.reason)
        actor, room = await self._target(context.app, body.user_id, body.room)
        return reply_of(await self._privacy.commit(context, Hold(actor, room, body.reason)))

    async def release(self, context: CommandContext, body: cmd.ReleaseHold) -> Reply:
        """Releases a hold and completes the erasures that waited for it."""
        actor, room = await self._target(context.app, body.user_id, body.room)
        done = await self._privacy.commit(context, Release(actor, room))
        await self.settle(context.app)
        return reply_of(done)

    async def holds(self, context: CommandContext, body: cmd.ListHolds) -> Reply:
        """Answers with the holds, and how many erasures wait."""
        state = await self._privacy.load(context.app, fresh=True)
        users = (await self._people.user_ids(state.actors)).values() if state.actors else ()
        found = Holds(tuple(sorted(users)), tuple(sorted(state.rooms)), len(state.waiting))
        return Reply.with_result(found)

    async def settle(self, app: int) -> None:
        """Completes the erasures of an app that no hold covers any more."""
        for actor in sorted((await self._privacy.load(app, fresh=True)).waiting):
            await self._commit_with_held_rooms(self._own_context(app), actor, RecheckErasure)
        for actor in sorted((await self._privacy.load(app, fresh=True)).due):
            await self._keys.destroy(actor)
            await self._privacy.commit(self._own_context(app), ConfirmErasure(actor))
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
            rooms = (await self._privacy.load(context.app, fresh=True)).rooms
            inside = await self._keys.rooms_of(context.app, rooms, actor) if rooms else frozenset[str]()
            try:
                await self._privacy.commit(context, kind(actor, inside), check=partial(_check_rooms, rooms))
            except _NewHold:
                continue
            return
        raise Rejection(Code.UNAVAILABLE, "holds change too fast", hint="try again")

    async def _target(self, app: int, user_id: str, room: str) -> tuple[str, str]:
        if bool(user_id) == bool(room):
            raise invalid(Code.PARAMETER, "user_id", "name either a user or a room")
        if room:
            return "", check_room_id(room)
        return await self._people.actor(app, check_user_id(user_id)), ""

    def _own_context(self, app: int) -> CommandContext:
        """A command of the service's own; the decider sees to it that it is done once only."""
        return CommandContext(app, "", self._ids.uuid7(), "service:auth", b"")


def _check_rooms(looked_at: frozenset[str], state: State) -> None:
    if state.rooms - looked_at:
        raise _NewHold
