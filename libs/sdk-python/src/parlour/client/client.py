"""The client: one user of one app, over one connection at a time to any of the gateways."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Self
from uuid import uuid4

from .backoff import Backoff
from .errors import ClientClosed, RemovedFromRoom, RequestRefused
from .gateway_http import Token
from .link import Link
from .membership import Account
from .position import Position
from .records import Records
from .room import REQUEST_TIMEOUT_S, Room
from .session import Session
from .session_events import ItemReceived, RequestAnswered, RoomEnded, RoomOutcome
from .state import User

LOGOUT_TIMEOUT_S = 2.0


class Client:
    """`async with Client(url, app=…, user=…, token=…) as client:`.

    urls: one or all of the gateways. token: a token04, or a function that gives a fresh one for each connection. Lost
    connections are replaced without notice; a request is sent again under the same id until it is answered. A session may be in five rooms.
    """

    def __init__(self, urls: str | Sequence[str], *, app: int, user: str, token: Token, user_name: str = "") -> None:
        account = Account(app, User(user, user_name or user))
        self._session = Session(account, lambda: str(uuid4()))
        addresses = [urls] if isinstance(urls, str) else list(urls)
        self._link = Link(addresses, self._session, self._deliver, token)
        self.records = Records(urls, token=token, app=app)
        """Queries of the record as the same user, while the client is open."""
        self._rooms: dict[str, Room] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.records.__aenter__()
        self._running = asyncio.create_task(self._link.run())
        self._running.add_done_callback(self._ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def room(self, room_id: str) -> Room:
        """Returns the room of that id; the same object each time."""
        if room_id not in self._rooms:
            self._rooms[room_id] = Room(self, room_id)
        return self._rooms[room_id]

    async def close(self, *, leave: bool = True) -> None:
        """Logs out of all rooms and closes the connection. With `leave` false the session stays for the heartbeat window, as after a lost
        connection."""
        with contextlib.suppress(TimeoutError, RequestRefused):
            async with asyncio.timeout(LOGOUT_TIMEOUT_S if leave else 0):
                await asyncio.gather(*(room.logout() for room in self._rooms.values()))
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.records.__aexit__()
        for room in self._rooms.values():
            room.handle_end(ClientClosed("the client was closed"))

    # for rooms

    def is_inside(self, room_id: str) -> bool:
        """Whether the client is in the room, or is logging in to it."""
        return room_id in self._session.memberships

    def enter(self, room: Room, after: Position | None) -> None:
        """Logs in to the room, and again after each lost connection."""
        if self._running is None or self._running.done():
            raise ClientClosed("the client is not open; use it in `async with`")
        self._session.enter(room.room_id, after)
        self._link.wake()

    def leave(self, room_id: str) -> None:
        """Ends the client's interest in the room, after a logout."""
        self._session.forget(room_id)
        self._rooms[room_id].handle_end(ClientClosed("logged out"))

    def pause_reading(self, room_id: str, position: Position) -> None:
        """Stops delivery to the room's reader, whose queue is full."""
        if self.is_inside(room_id):
            self._session.pause_reading(room_id, position)

    def resume_reading(self, room_id: str, position: Position) -> None:
        """Continues delivery from a position, since the queue has space again."""
        self._session.resume_reading(room_id, position, asyncio.get_running_loop().time())
        self._link.wake()

    async def request(
        self, kind: str, fields: dict[str, Any], *, request_id: str = "", timeout_s: float = REQUEST_TIMEOUT_S
    ) -> dict[str, Any]:
        """Sends a request and returns its answer; temporary refusals are repeated under the same id.

        Raises RequestRefused, TimeoutError or ClientClosed.
        """
        chosen, backoff = request_id or str(uuid4()), Backoff()
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await self._answer(kind, fields, chosen)
                except RequestRefused as refused:
                    if not refused.is_retryable:
                        raise
                    await asyncio.sleep(backoff.next_s())

    async def _answer(self, kind: str, fields: dict[str, Any], request_id: str) -> dict[str, Any]:
        waiting = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            self._session.request(kind, fields, request_id)
            self._link.wake()
            answer = await waiting
        finally:
            self._session.give_up(request_id)
            self._waiting.pop(request_id, None)
        if not answer.get("ok"):
            raise RequestRefused.read(answer.get("error", {}))
        return answer

    # from the session

    def _deliver(self, outcome: RoomOutcome) -> None:
        match outcome:
            case ItemReceived(room_id=room_id, item=item):
                self.room(room_id).handle_item(item)
            case RequestAnswered(id=request_id, frame=frame):
                waiting = self._waiting.get(request_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame)
            case RoomEnded(room_id=room_id, code=code, reason=reason, refused=refused):
                self.room(room_id).handle_end(
                    RequestRefused(code, reason) if refused else RemovedFromRoom(room_id, code, reason)
                )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """The link ends only with the client, or by a fault of this library: then all pending requests and readers fail."""
        why = ClientClosed("the client was closed")
        if not task.cancelled() and (error := task.exception()) is not None:
            why.__cause__ = error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(why)
        for room in self._rooms.values():
            room.handle_end(why)
