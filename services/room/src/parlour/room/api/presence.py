"""Gateways' beats and the room's own: feeds `Presence` and has done what follows from it."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Presence as Beat
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.room.app.attendance import Attendance
from parlour.room.domain.presence import Presence, SessionKey
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers
from parlour.runtime.telemetry.logging import logger

BEAT_S = 1.0
RECONCILE_S = 60.0
AT_ONCE = 64
"""Changes written side by side; a gateway that dies suspends all of its sessions at the same moment."""
ROOM_EVENTS = f"{subjects.PREFIX}.*.evt.*.*.room"

log = logger(__name__)


class AllSessions(Protocol):
    """Where the sessions in all rooms are read from."""

    async def all(self) -> dict[SessionKey, bool]:
        """Each session in a room, and whether it is suspended."""
        ...


class PresenceFeed:
    """Use as `async with feed.running():`."""

    def __init__(
        self, bus: Bus, instance: str, presence: Presence, attendance: Attendance, sessions: AllSessions
    ) -> None:
        self._bus = bus
        self._name = f"room-{instance}"
        self._presence = presence
        self._attendance = attendance
        self._sessions = sessions
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reconcile_at = 0.0
        self._beat = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Listens and beats until the block ends."""
        await self._bus.subscribe(ROOM_EVENTS, self._happened, on_overflow=self._missed)
        await self._bus.subscribe(subjects.ALL_PRESENCE, self._heard, on_overflow=self._missed)
        self._bus.on_reconnect(self._missed)
        await self._reconcile()
        task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, *self._tasks, return_exceptions=True)

    def _missed(self) -> None:
        self._presence.handle_break()
        self._reconcile_at = 0.0

    async def _heard(self, to: Address, payload: bytes, headers: Headers) -> None:
        if to.node == self._name:
            self._presence.handle_own_beat(time.monotonic())
            return
        beat = msgspec.json.decode(payload, type=Beat)
        self._presence.handle_beat(SessionKey(one.app, one.room, one.session_id) for one in beat.sessions)

    async def _happened(self, to: Address, payload: bytes, headers: Headers) -> None:
        view = msgspec.json.decode(payload, type=EventView)
        kind = ev.BY_TAG.get(view.type)
        change = _CHANGES.get(kind) if kind else None
        if change is not None and kind is not None:
            about = msgspec.json.decode(view.data, type=_About)
            change(self._presence, SessionKey(view.app, view.room, about.session_id))

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except (Rejection, LogUnavailable) as error:
                log.warning("presence_waits", error=str(error))
            except Exception as error:
                self._bus.fault("presence", error)
            await asyncio.sleep(BEAT_S)

    async def _tick(self) -> None:
        now = time.monotonic()
        if now >= self._reconcile_at:
            await self._reconcile()
        if self._bus.connected:
            self._beat += 1
            own = Beat(self._name, self._beat, 0, 1, ())
            await self._bus.publish(subjects.presence(self._name), msgspec.json.encode(own))
        changes = self._presence.poll(now)
        for silent in changes.suspend:
            self._start(silent.key, lambda silent=silent: self._attendance.suspend(silent))
        for key in changes.resume:
            self._start(key, lambda key=key: self._attendance.resume(key))

    async def _reconcile(self) -> None:
        """Events that NATS lost: whoever the log has is watched, and nobody else of those who were watched before."""
        before = self._presence.keys()
        found = await self._sessions.all()
        for key, suspended in found.items():
            self._presence.handle_joined(key, suspended=suspended)
        for key in before - found.keys():
            self._presence.handle_gone(key)
        self._reconcile_at = time.monotonic() + RECONCILE_S * random.uniform(0.8, 1.2)

    def _start(self, key: SessionKey, change: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.get_running_loop().create_task(self._do(key, change))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, key: SessionKey, change: Callable[[], Awaitable[None]]) -> None:
        async with self._slots:
            try:
                await change()
            except (Rejection, LogUnavailable) as error:
                log.warning("presence_change_waits", error=str(error))
                self._presence.retry(key)
            except Exception as error:
                self._bus.fault("presence", error)
                self._presence.retry(key)


class _About(msgspec.Struct, rename={"session_id": "sessionID"}):
    session_id: str = ""


_CHANGES: dict[type[ev.Event], Callable[[Presence, SessionKey], None]] = {
    ev.UserJoined: Presence.handle_joined,
    ev.UserSuspended: Presence.handle_suspended,
    ev.UserResumed: Presence.handle_resumed,
    ev.UserLeft: Presence.handle_gone,
    ev.UserKicked: Presence.handle_gone,
}
