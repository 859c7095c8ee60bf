"""What members and subscriptions have in common: events behind a cursor go out over a client's channel as fast as it reads."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from parlour.contracts import client
from parlour.contracts.ids import Position
from parlour.gateway.app.sessions.session import Channel
from parlour.gateway.domain.client_views import snapshot_frames
from parlour.gateway.domain.frame_batch import FrameBatch, Item, encode_batches
from parlour.gateway.domain.frames import to_text

from .cursor import Cursor

EVENTS_PER_PAGE = 100
"""Events that a lagging client is sent at once."""


class ChannelDelivery(ABC):
    """One client's delivery of one room. `session_id` is the member's whose own entries are left out of snapshots; empty for a reader.

    `lagging_since` is None for a client that has every event, else the event loop's time (seconds) at which it fell behind.
    """

    __slots__ = ("cursor", "lagging_since", "room", "session_id")

    def __init__(self, room: str, cursor: Cursor, session_id: str = "") -> None:
        self.room = room
        self.cursor = cursor
        self.session_id = session_id
        self.lagging_since: float | None = None

    @property
    @abstractmethod
    def channel(self) -> Channel | None:
        """The client's end of its connection, None while it has none."""

    @property
    def position(self) -> Position:
        """The position behind the last event that the client was sent."""
        return self.cursor.position

    @property
    def is_lagging(self) -> bool:
        """Whether the client lacks events of the room."""
        return self.lagging_since is not None

    @property
    def lag_events(self) -> int:
        """How many events of its call the client lacks."""
        mirror, position = self.cursor.mirror, self.cursor.position
        return max(0, mirror.state.seq - position.seq) if mirror and mirror.state.room_uid == position.room_uid else 0

    @property
    def lag_s(self) -> float:
        """For how many seconds the client has lacked events."""
        return 0.0 if self.lagging_since is None else asyncio.get_running_loop().time() - self.lagging_since

    def mark_lagging(self) -> None:
        """Notes that the client lacks events from now on, unless it did before."""
        if self.lagging_since is None:
            self.lagging_since = asyncio.get_running_loop().time()

    def mark_live(self) -> None:
        """Tells the client that it has everything, if it lacked something before."""
        if self.is_lagging and self.channel is not None:
            self.lagging_since = None
            self.channel.put(to_text(client.Live(self.room, str(self.cursor.position))))

    def push(self, batches: Sequence[FrameBatch]) -> bool:
        """Sends batches until the send window is full, and moves the cursor behind what was sent; returns whether all was sent. Without a
        channel nothing is sent, since the client resumes from the position that it holds itself.
        """
        channel = self.channel
        for batch in batches:
            if channel is not None and not channel.deliver(batch):
                return False
            self.cursor.position = batch.end
        return True

    def send(self, items: Sequence[Item]) -> bool:
        """Sends items as `push` sends batches."""
        return ChannelDelivery.push(self, tuple(encode_batches(self.room, items)))

    def send_snapshot(self, reason: str) -> None:
        """Puts a snapshot in the place of what the client holds (`resync` says why, unless `reason` is empty); events follow from there."""
        mirror, channel = self.cursor.mirror, self.channel
        assert mirror is not None, "the room is followed"
        self.cursor.position = mirror.position
        if channel is not None:
            if reason:
                channel.put(to_text(client.Resync(self.room, reason)))
            pages, snap = snapshot_frames(mirror.state, self.session_id)
            channel.put(*map(to_text, (*pages, snap)))


class Lag(NamedTuple):
    """How many deliveries lag; of the worst of them, how many events its client lacks, and for how long (seconds)."""

    clients: int = 0
    events: int = 0
    seconds: float = 0.0


def measure_lag(deliveries: Iterable[ChannelDelivery]) -> Lag:
    """Measures how far clients that are connected now lag behind their rooms."""
    lagging = [one for one in deliveries if one.is_lagging and one.channel is not None]
    return Lag(
        len(lagging),
        max((one.lag_events for one in lagging), default=0),
        max((one.lag_s for one in lagging), default=0),
    )
