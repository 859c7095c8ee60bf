"""A room as the application uses it: its events, its state, and the messages that can be sent in it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .errors import ClientClosed, ParlourError, RemovedFromRoom, RequestRefused
from .folding import apply_item
from .items import Event, Item, Resync, Sent
from .position import Position
from .state import State

if TYPE_CHECKING:
    from .client import Client

REQUEST_TIMEOUT_S = 30.0
MAX_ITEMS = 10_000
"""The longest queue of items that were not taken yet; a slower application gets the rest from the record later."""


class Room:
    """Made by `Client.room`. The first use logs in to it; `logout` or the client's end leaves it."""

    def __init__(self, client: "Client", room_id: str) -> None:
        self.room_id = room_id
        self.now: State | None = None
        """The room as of the last item that the application took; None before the first resync."""
        self._client = client
        self._reader: asyncio.Queue[Item | ParlourError] | None = None
        """Items that arrived and were not taken yet, and the error that ends them; None while nobody reads."""
        self._queued: Position | None = None
        """The position of the last item that was put into the queue."""
        self._paused_after: Position | None = None
        """The last item before the queue was full; None while items are delivered."""
        self._entered: asyncio.Future[None] | None = None

    # reading

    async def events(self, after: str | Position | None = None) -> AsyncGenerator[Event | Resync]:
        """Yields each event that this user may read, once and in order, while the user is in the room.

        after: the position of the last event that the application has processed; None begins with a resync (`start`) with the present
        state. A resync in between means that the state can't be continued event by event, and carries the one to continue from. Raises
        RemovedFromRoom when the session in the room ends, RequestRefused when the room can't be entered, ClientClosed when the client
        is closed.
        """
        async with aclosing(self.feed(after)) as feed:
            async for item in feed:
                if isinstance(item, Event | Resync):
                    yield item

    async def feed(self, after: str | Position | None = None) -> AsyncGenerator[Item]:
        """Yields the items of `events`, and also Skip for events outside the read scope and CaughtUp when none is missing."""
        if self._reader is not None:
            raise RuntimeError(f"the events of {self.room_id!r} are being read already; one reader at a time")
        reader = self._reader = asyncio.Queue()
        self._begin(reader, None if after is None else Position.coerce(after))
        try:
            while True:
                item = await reader.get()
                if isinstance(item, ParlourError):
                    raise item
                self.now = apply_item(self.now, item)
                if reader.qsize() <= MAX_ITEMS // 2:
                    self._resume_reading()
                yield item
        finally:
            self._detach(reader)

    def _begin(self, reader: asyncio.Queue[Item | ParlourError], after: Position | None) -> None:
        if not self._client.is_inside(self.room_id):
            self.now = None
            self._client.enter(self, after)
        elif after is not None and (self.now is None or after != self.now.position):
            self.now = None
            self._client.pause_reading(self.room_id, after)
            self._client.resume_reading(self.room_id, after)
        elif self.now is not None and after is None:
            reader.put_nowait(Resync(self.room_id, self.now.position, self.now, "start"))

    def _detach(self, reader: asyncio.Queue[Item | ParlourError]) -> None:
        """Takes the remaining items into the state, which is kept without a reader too."""
        self._reader = None
        while not reader.empty():
            if not isinstance(item := reader.get_nowait(), ParlourError):
                self.now = apply_item(self.now, item)
        self._resume_reading()

    def _resume_reading(self) -> None:
        if self._paused_after is not None:
            self._client.resume_reading(self.room_id, self._paused_after)
            self._paused_after = None

    async def state(self, at: str | Position = "") -> State:
        """Returns the room as of a position or a time (RFC 3339), else as of now. RequestRefused unless the user is in it."""
        return await self._client.records.state(self.room_id, at)

    # calls of the client

    def handle_item(self, item: Item) -> None:
        """Takes an item from the session."""
        if self._entered is not None and not self._entered.done():
            self._entered.set_result(None)
        if self._reader is None:
            self.now = apply_item(self.now, item)
        elif self._reader.qsize() < MAX_ITEMS:
            self._reader.put_nowait(item)
            self._queued = item.position
        elif self._queued is not None:
            self._paused_after = self._queued
            self._client.pause_reading(self.room_id, self._queued)

    def handle_end(self, why: RemovedFromRoom | RequestRefused | ClientClosed) -> None:
        """Ends the feed with an error, since no further item will come."""
        if self._reader is not None:
            self._reader.put_nowait(why)
        if self._entered is not None and not self._entered.done():
            self._entered.set_exception(why)

    # entering and leaving

    async def login(self, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        """Logs in to the room and returns when the user is in it. RequestRefused with the server's reason, or TimeoutError."""
        if self.now is not None and self._client.is_inside(self.room_id):
            return
        entered = self._entered = asyncio.get_running_loop().create_future()
        self._client.enter(self, None)
        async with asyncio.timeout(timeout_s):
            await entered

    async def logout(self) -> None:
        """Leaves the room; does nothing where the user is not in it."""
        if not self._client.is_inside(self.room_id):
            return
        await self._client.request("logout", {"roomID": self.room_id})
        self._client.leave(self.room_id)
        self.now = None

    # sending: each returns once the message is committed
    # command_id (a UUID) makes a repetition harmless, over restarts of the application too.
    # if_seq: only if the room's last event is still that one; RequestRefused with 9000006 otherwise, and nothing is done.

    async def broadcast(self, message: str, *, command_id: str = "", if_seq: int | None = None) -> Sent:
        """Sends a reliable message to the room."""
        return await self._send("broadcast", {"message": message}, command_id, if_seq)

    async def barrage(self, message: str, *, command_id: str = "", if_seq: int | None = None) -> Sent:
        """Sends a message to the room that may be dropped under load."""
        return await self._send("barrage", {"message": message}, command_id, if_seq)

    async def command(
        self, command: str, to: tuple[str, ...] = (), *, command_id: str = "", if_seq: int | None = None
    ) -> Sent:
        """Sends a signalling message to some users; to all where none is named."""
        return await self._send("command", {"command": command, "toUserIDs": list(to)}, command_id, if_seq)

    async def set_extra_info(self, key: str, value: str, *, command_id: str = "", if_seq: int | None = None) -> Sent:
        """Sets one key of the room's extra information."""
        return await self._send("roomExtraInfo", {"key": key, "value": value}, command_id, if_seq)

    async def _send(self, kind: str, fields: dict[str, Any], command_id: str, if_seq: int | None) -> Sent:
        if not self._client.is_inside(self.room_id):
            await self.login()
        chosen = command_id or str(uuid4())
        condition = {} if if_seq is None else {"ifSeq": if_seq}
        asked = {"roomID": self.room_id, **fields, **condition}
        answer = await self._client.request(kind, asked, request_id=chosen)
        return Sent(chosen, str(answer.get("messageID", "")), tuple(answer.get("absent", ())))
