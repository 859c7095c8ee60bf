"""Periodic messages: each second the heartbeats of this gateway's sessions, every 30 s the number of users to a room's clients."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from parlour.contracts import client
from parlour.contracts.queries import PRESENCE_INTERVAL_S, Presence, SessionHeartbeat, presence_parts
from parlour.gateway.app.delivery.feeds import RoomFeeds
from parlour.gateway.app.sessions.session import Session
from parlour.gateway.domain.frames import to_text
from parlour.kernel.rejection import Rejection

COUNT_EVERY = 30
"""Heartbeats from one count of a room's users to the next."""


@dataclass
class HeartbeatPublisher:
    """Publishes the heartbeats of `sessions` for the room service, as presence parts through `publish`."""

    _gateway: str
    _feeds: RoomFeeds
    _sessions: Callable[[], Iterable[Session]]
    _publish: Callable[[Presence], Awaitable[None]]
    _number: int = 0

    async def run(self) -> None:
        """Publishes each second, until it is cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.publish()
            due = max(due + PRESENCE_INTERVAL_S, loop.time() + PRESENCE_INTERVAL_S / 2)
            await asyncio.sleep(due - loop.time())

    async def publish(self) -> None:
        """Publishes one heartbeat of every session, sends counts if they are due, and closes unused feeds."""
        self._number += 1
        heartbeats = tuple(SessionHeartbeat(s.app, room, s.session_id) for s in self._sessions() for room in s.rooms)
        for part in presence_parts(self._gateway, self._number, heartbeats):
            try:
                await self._publish(part)
            except Rejection:
                break  # NATS is away; the room service hears nobody's heartbeats then and waits
        if self._number % COUNT_EVERY == 0:
            self._send_counts()
        await self._feeds.sweep()

    def _send_counts(self) -> None:
        for feed in self._feeds.all():
            if feed.mirror is None or not feed.members:
                continue
            feed.fanout.flush()
            count = to_text(client.Count(feed.room, feed.mirror.count_users()))
            head = to_text(client.HeadAt(feed.room, str(feed.mirror.position)))
            for delivery in feed.members.values():
                if delivery.channel is not None and not delivery.is_lagging:
                    delivery.channel.put(count, head)
