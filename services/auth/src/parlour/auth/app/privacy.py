"""Erasing people and holding records: requested in the app's log, then done, then said to be done.

A crash in between leaves a request that is due; `sweep` takes it up again. Destroying a key twice is harmless.
"""

import asyncio
from typing import Protocol
from uuid import uuid4

import msgspec

from parlour.auth.domain import privacy
from parlour.auth.domain.privacy import Done, Erase, Free, Hold, PrivacyCommand, Release, State
from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Erasure, Holds, Reply
from parlour.contracts.ids import check_room_id, check_user_id, invalid
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Change, Draft, reply_of
from parlour.runtime.deciding.drafts import Done as Committed
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.telemetry.logging import logger

from .vault import Vault

SWEEP_S = 30.0
TRIES = 8
REASON_BYTES = 256

log = logger(__name__)


class Keys(Protocol):
    """People's keys, and where people appear."""

    async def destroy(self, actor: str) -> None:
        """For ever. One that is gone already is no error."""
        ...

    async def rooms_of(self, app: int, rooms: frozenset[str], actor: str) -> frozenset[str]:
        """Those of the rooms whose record names the person."""
        ...


class _HoldsMoved(Exception):
    """A room was held after we looked where the person appears."""


class Privacy:
    """Handlers for EraseUser, PlaceHold, ReleaseHold and ListHolds."""

    def __init__(
        self, cache: StateCache[State], committer: Committer, people: People, keys: Keys, vault: Vault
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._people = people
        self._keys = keys
        self._vault = vault

    async def erase(self, call: Call, body: contract.EraseUser) -> Reply:
        """Erased when this returns, or waiting behind a hold."""
        actor = await self._people.known(call.app, check_user_id(body.user_id))
        if actor is None:
            return Reply(msgspec.Raw(msgspec.json.encode(Erasure("unknown"))))
        await self._with_rooms(call, actor, Erase)
        await self.settle(call.app)
        state = (await self._cache.load(call.app, "", fresh=True)).state
        return Reply(
            msgspec.Raw(msgspec.json.encode(Erasure("waiting" if actor in state.waiting else "erased", actor)))
        )

    async def hold(self, call: Call, body: contract.PlaceHold) -> Reply:
        """From the commit on nobody whom it covers is erased."""
        if len(body.reason.encode()) > REASON_BYTES:
            raise invalid(Code.PARAMETER, "reason", "the reason is too long", limit=f"{REASON_BYTES} bytes")
        actor, room = await self._whom(call.app, body.user_id, body.room)
        return reply_of(await self._commit(call, Hold(actor, room, body.reason)))

    async def release(self, call: Call, body: contract.ReleaseHold) -> Reply:
        """What waited behind it is done before this returns."""
        actor, room = await self._whom(call.app, body.user_id, body.room)
        done = await self._commit(call, Release(actor, room))
        await self.settle(call.app)
        return reply_of(done)

    async def holds(self, call: Call, body: contract.ListHolds) -> Reply:
        """What is held, and how many erasures wait."""
        state = (await self._cache.load(call.app, "", fresh=True)).state
        users = (await self._people.user_ids(state.actors)).values() if state.actors else ()
        found = Holds(tuple(sorted(users)), tuple(sorted(state.rooms)), len(state.waiting))
        return Reply(msgspec.Raw(msgspec.json.encode(found)))

    async def settle(self, app: int) -> None:
        """Does what is due in an app."""
        state = (await self._cache.load(app, "", fresh=True)).state
        for actor in sorted(state.waiting):
            await self._with_rooms(_own(app), actor, Free)
        for actor in sorted((await self._cache.load(app, "", fresh=True)).state.due):
            await self._keys.destroy(actor)
            await self._commit(_own(app), Done(actor))
            log.info("person_erased", app=app, actor=actor)

    async def sweep(self) -> None:
        """Every app, for ever: what a process that died has left."""
        while True:
            try:
                for app in await self._vault.apps():
                    await self.settle(app.app)
            except (LogUnavailable, Rejection) as error:
                log.warning("erasures_wait", error=str(error))
            await asyncio.sleep(SWEEP_S)

    async def _with_rooms(self, call: Call, actor: str, kind: type[Erase] | type[Free]) -> None:
        """Decides with the held rooms that the person appears in, and looks again where another was held meanwhile."""
        for _ in range(TRIES):
            rooms = (await self._cache.load(call.app, "", fresh=True)).state.rooms
            inside = await self._keys.rooms_of(call.app, rooms, actor) if rooms else frozenset[str]()
            try:
                await self._commit(call, kind(actor, inside), looked_at=rooms)
            except _HoldsMoved:
                continue
            return
        raise Rejection.of(Code.UNAVAILABLE, "holds change too fast", hint="try again")

    async def _commit(self, call: Call, command: PrivacyCommand, looked_at: frozenset[str] | None = None) -> Committed:
        def decide(app: Loaded[State]) -> Draft:
            if app.key is None:
                raise Rejection.of(Code.APP_ID, "there is no such app", field="app")
            if looked_at is not None and app.state.rooms - looked_at:
                raise _HoldsMoved
            events = privacy.decide(app.state, command)
            return call.draft(Change(app.key, privacy.AGGREGATE, app.version, events)) if events else call.draft()

        return await decide_and_commit(self._cache, self._committer, call, decide)

    async def _whom(self, app: int, user_id: str, room: str) -> tuple[str, str]:
        if bool(user_id) == bool(room):
            raise invalid(Code.PARAMETER, "user_id", "name either a user or a room")
        if room:
            return "", check_room_id(room)
        return await self._people.actor(app, check_user_id(user_id)), ""


def _own(app: int) -> Call:
    """A command of the service's own. That it is done once only is the decider's doing."""
    return Call(app, "", str(uuid4()), "service:auth", b"")
