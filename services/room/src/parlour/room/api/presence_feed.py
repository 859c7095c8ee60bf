"""Feeds the presence tracker with heartbeats and events, and starts the changes that it returns."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Presence as PresenceMessage
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.room.app.session_expiry import SessionExpiry
from parlour.room.domain.presence import PresenceTracker, SessionKey
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.telemetry.logging import logger

HEARTBEAT_INTERVAL_S = 1.0
RECONCILE_INTERVAL_S = 60.0
CHANGES_AT_ONCE = 64
"""Changes that are committed side by side; a gateway that dies suspends all of its sessions at the same moment."""
ROOM_EVENTS = f"{subjects.PREFIX}.*.evt.*.*.room"

LoadSessions = Callable[[], Awaitable[dict[SessionKey, bool]]]
"""Loads the sessions in all rooms, over the whole log, each with whether it is suspended."""

log = logger(__name__)


class PresenceFeed:
    """Use as `async with feed.running():`."""

    def __init__(
        self, bus: Bus, instance: str, presence: PresenceTracker, expiry: SessionExpiry, load_sessions: LoadSessions
    ) -> None:
        self._bus = bus
        self._name = f"room-{instance}"
        self._presence = presence
        self._expiry = expiry
        self._load_sessions = load_sessions
        self._slots = asyncio.Semaphore(CHANGES_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reconcile_at = 0.0
        self._heartbeats = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Listens and publishes heartbeats until the block ends."""
        await self._bus.subscribe(ROOM_EVENTS, self._handle_event, on_overflow=self._handle_gap)
        await self._bus.subscribe(subjects.ALL_PRESENCE, self._handle_heartbeat, on_overflow=self._handle_gap)
        self._bus.on_reconnect(self._handle_gap)
        await self._reconcile()
        task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, *self._tasks, return_exceptions=True)

    def _handle_gap(self) -> None:
        self._presence.handle_gap()
        self._reconcile_at = 0.0

    async def _handle_heartbeat(self, to: Address, payload: bytes, headers: Headers) -> None:
        if to.node == self._name:
            self._presence.handle_own_heartbeat(time.monotonic())
            return
        message = msgspec.json.decode(payload, type=PresenceMessage)
        self._presence.handle_heartbeats(SessionKey(one.app, one.room, one.session_id) for one in message.sessions)

    async def _handle_event(self, to: Address, payload: bytes, headers: Headers) -> None:
        view = msgspec.json.decode(payload, type=EventView)
        kind = ev.BY_TAG.get(view.type)
        change = _CHANGES.get(kind) if kind else None
        if change is not None and kind is not None:
            about = msgspec.json.decode(view.data, type=_SessionEvent)
            change(self._presence, SessionKey(view.app, view.room, about.session_id))

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except (Rejection, LogUnavailable) as error:
                log.warning("presence_check_failed", error=str(error))
            except Exception as error:
                self._bus.report_fault("presence", error)
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)

    async def _tick(self) -> None:
        now = time.monotonic()
        if now >= self._reconcile_at:
            await self._reconcile()
        if self._bus.connected:
            self._heartbeats += 1
            own = PresenceMessage(self._name, self._heartbeats, 0, 1, ())
            await self._bus.publish(subjects.presence(self._name), msgspec.json.encode(own))
        changes = self._presence.poll(now)
        for silent in changes.suspend:
            self._start(silent.key, lambda silent=silent: self._expiry.suspend(silent))
        for key in changes.resume:
            self._start(key, lambda key=key: self._expiry.resume(key))

    async def _reconcile(self) -> None:
        """Corrects the tracker for events that NATS lost: afterwards it tracks exactly the sessions that the log has."""
        before = self._presence.tracked_sessions()
        found = await self._load_sessions()
        for key, suspended in found.items():
            self._presence.handle_joined(key, suspended=suspended)
        for key in before - found.keys():
            self._presence.handle_left(key)
        self._reconcile_at = time.monotonic() + RECONCILE_INTERVAL_S * random.uniform(0.8, 1.2)

    def _start(self, key: SessionKey, change: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.get_running_loop().create_task(self._do(key, change))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, key: SessionKey, change: Callable[[], Awaitable[None]]) -> None:
        async with self._slots:
            try:
                await change()
            except (Rejection, LogUnavailable) as error:
                log.warning("presence_change_retried", error=str(error))
                self._presence.retry(key)
            except Exception as error:
                self._bus.report_fault("presence", error)
                self._presence.retry(key)


class _SessionEvent(msgspec.Struct, rename={"session_id": "sessionID"}):
    session_id: str = ""


_CHANGES: dict[type[ev.Event], Callable[[PresenceTracker, SessionKey], None]] = {
    ev.UserJoined: PresenceTracker.handle_joined,
    ev.UserSuspended: PresenceTracker.handle_suspended,
    ev.UserResumed: PresenceTracker.handle_resumed,
    ev.UserLeft: PresenceTracker.handle_left,
    ev.UserKicked: PresenceTracker.handle_left,
}
