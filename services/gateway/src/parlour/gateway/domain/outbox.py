"""What waits to be sent to one client: bounded, in order, neighbouring skips merged.

Over its limit it takes nothing more and says so; the connection then closes with a code that tells the client to resume, so that a slow
client costs no more than this.
"""

from collections import deque

from parlour.contracts import client

from .frames import to_text

MAX_FRAMES = 1000
MAX_CHARS = 1 << 20


class Follower(str):
    """A frame that belongs to the one before it, and is not counted: what is large is the room, not the client slow."""

    __slots__ = ()


class PendingSkip:
    """Events that are not for this reader, up to `pos`; grows while it waits."""

    __slots__ = ("first", "pos", "room_id", "to")

    def __init__(self, room_id: str, first: int, to: int, pos: str) -> None:
        self.room_id = room_id
        self.first = first
        self.to = to
        self.pos = pos

    def text(self) -> str:
        """Its frame."""
        return to_text(client.Skip(room_id=self.room_id, first=self.first, to=self.to, pos=self.pos))


class Outbox:
    """A queue with named limits."""

    def __init__(self, max_frames: int = MAX_FRAMES, max_chars: int = MAX_CHARS) -> None:
        self._waiting: deque[str | PendingSkip] = deque()
        self._chars = 0
        self._max_frames = max_frames
        self._max_chars = max_chars
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, text: str, *more: str) -> bool:
        """Queues a frame, with those that belong to it; False where the client is too slow."""
        if self.overflowed:
            return False
        if self._waiting and (len(self._waiting) >= self._max_frames or self._chars + len(text) > self._max_chars):
            self.overflowed = True
            return False
        self._waiting.append(text)
        self._chars += len(text)
        self._waiting.extend(map(Follower, more))
        return True

    def skip(self, room_id: str, first: int, to: int, pos: str) -> bool:
        """Queues a skip, merged with the one before it where that reaches up to it."""
        last = self._waiting[-1] if self._waiting else None
        if isinstance(last, PendingSkip) and last.room_id == room_id and last.to + 1 == first:
            last.to, last.pos = to, pos
            return True
        if self.overflowed or len(self._waiting) >= self._max_frames:
            self.overflowed = True
            return False
        self._waiting.append(PendingSkip(room_id, first, to, pos))
        return True

    def take(self) -> str:
        """The next frame to send. IndexError when empty."""
        item = self._waiting.popleft()
        if isinstance(item, PendingSkip):
            return item.text()
        if not isinstance(item, Follower):
            self._chars -= len(item)
        return item
