"""A room as the application uses it: its events, its state, and what can be said in it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .errors import Closed, Refused, StayOver
from .items import Event, Item, Resync, Sent
from .position import Position
from .reader import Reader
from .state import State, follow

if TYPE_CHECKING:
    from .client import Client

ANSWER_WITHIN_S = 30.0


class Room:
    """From `Client.room`. Entered by whatever is asked of it first; left by `logout` or with the client."""

    def __init__(self, client: "Client", room_id: str) -> None:
        self.room_id = room_id
        self.now: State | None = None
        """The room as of the last item that the application took; None until a resync told the state."""
        self._client = client
        self._reader: Reader | None = None
        self._entered: asyncio.Future[None] | None = None
        self._paused = False

    # reading

    async def events(self, after: str | Position | None = None) -> AsyncGenerator[Event | Resync]:
        """Each event that this user may read, once and in order, for as long as the stay lasts.

        after: the position of the last event that the application has dealt with; None begins with a resync (`start`) that tells the
        state now. A resync in between says that what was held can't be continued, and carries the state to go on from. Raises
        StayOver when the stay ends for good, Refused when the room can't be entered, Closed when the client is closed.
        """
        async with aclosing(self.feed(after)) as feed:
            async for item in feed:
                if isinstance(item, Event | Resync):
                    yield item

    async def feed(self, after: str | Position | None = None) -> AsyncGenerator[Item]:
        """`events`, and besides them the numbers that are not for this reader (Skip), and when everything was given (Live)."""
        if self._reader is not None:
            raise RuntimeError(f"the events of {self.room_id!r} are being read already; one reader at a time")
        reader = self._reader = Reader()
        self._begin(reader, None if after is None else Position.of(after))
        try:
            while True:
                item = await reader.take()
                self.now = follow(self.now, item)
                if self._paused and reader.thirsty and reader.position is not None:
                    self._paused = False
                    self._client.go_on(self.room_id, reader.position)
                yield item
        finally:
            self._detach(reader)

    def _begin(self, reader: Reader, after: Position | None) -> None:
        if not self._client.inside(self.room_id):
            self.now = None
            self._client.enter(self, after)
        elif after is not None and (self.now is None or after != self.now.position):
            self.now = None
            self._client.pause(self.room_id, after)
            self._client.go_on(self.room_id, after)
        elif self.now is not None and after is None:
            reader.put(Resync(self.room_id, self.now.position, self.now, "start"))

    def _detach(self, reader: Reader) -> None:
        """Nobody reads any more; the state goes on being kept."""
        self._reader = None
        for item in reader.rest():
            self.now = follow(self.now, item)
        if self._paused and reader.position is not None:
            self._paused = False
            self._client.go_on(self.room_id, reader.position)

    async def state(self, at: str | Position = "") -> State:
        """The room as of a position or a time (RFC 3339), from the record; now without. Members only: Refused for who is not inside."""
        return await self._client.records.state(self.room_id, at)

    # what the client says

    def handle_item(self, item: Item) -> None:
        """The session gives an item."""
        if self._entered is not None and not self._entered.done():
            self._entered.set_result(None)
        if self._reader is None:
            self.now = follow(self.now, item)
        elif not self._reader.put(item) and self._reader.position is not None:
            self._paused = True
            self._client.pause(self.room_id, self._reader.position)

    def handle_end(self, why: StayOver | Refused | Closed) -> None:
        """There will be no further item."""
        if self._reader is not None:
            self._reader.end(why)
        if self._entered is not None and not self._entered.done():
            self._entered.set_exception(why)

    # entering and leaving

    async def login(self, timeout_s: float = ANSWER_WITHIN_S) -> None:
        """Is in the room when it returns. Refused with the server's reason; TimeoutError when no gateway answers in time."""
        if self.now is not None and self._client.inside(self.room_id):
            return
        entered = self._entered = asyncio.get_running_loop().create_future()
        self._client.enter(self, None)
        async with asyncio.timeout(timeout_s):
            await entered

    async def logout(self) -> None:
        """Leaves the room; not being in it is fine."""
        if not self._client.inside(self.room_id):
            return
        await self._client.ask("logout", {"roomID": self.room_id})
        self._client.leave(self.room_id)
        self.now = None

    # saying something: each returns once it is on the record
    # command_id (a UUID) makes a repetition harmless, over restarts of the application too.
    # if_seq: only if the room's last event is still that one; Refused with 9000006 otherwise, and nothing is done.

    async def broadcast(self, message: str, *, command_id: str = "", if_seq: int | None = None) -> Sent:
        """A reliable message to the room."""
        return await self._say("broadcast", {"message": message}, command_id, if_seq)

    async def barrage(self, message: str, *, command_id: str = "", if_seq: int | None = None) -> Sent:
        """A message to the room that may be dropped under load."""
        return await self._say("barrage", {"message": message}, command_id, if_seq)

    async def command(
        self, command: str, to: tuple[str, ...] = (), *, command_id: str = "", if_seq: int | None = None
    ) -> Sent:
        """A signalling message to some users; to all where none is named."""
        return await self._say("command", {"command": command, "toUserIDs": list(to)}, command_id, if_seq)

    async def set_extra_info(self, key: str, value: str, *, command_id: str = "", if_seq: int | None = None) -> Sent:
        """One key of the room's extra information."""
        return await self._say("roomExtraInfo", {"key": key, "value": value}, command_id, if_seq)

    async def _say(self, kind: str, fields: dict[str, Any], command_id: str, if_seq: int | None) -> Sent:
        if not self._client.inside(self.room_id):
            await self.login()
        chosen = command_id or str(uuid4())
        condition = {} if if_seq is None else {"ifSeq": if_seq}
        asked = {"roomID": self.room_id, **fields, **condition}
        answer = await self._client.ask(kind, asked, request_id=chosen)
        return Sent(chosen, str(answer.get("messageID", "")), tuple(answer.get("absent", ())))
