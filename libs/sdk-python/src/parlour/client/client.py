"""The client: one user of one app, over one connection at a time to any of the gateways."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from .asking import Token
from .backoff import Backoff
from .errors import Closed, Refused, StayOver
from .link import Link
from .outcomes import Answered, Given, Outcome, Over
from .position import Position
from .records import Records
from .room import ANSWER_WITHIN_S, Room
from .seat import Account
from .session import Session
from .state import User

LEAVE_WITHIN_S = 2.0


class Client:
    """`async with Client(url, app=…, user=…, token=…) as client:`.

    urls: one or all of the gateways. token: a token04, or a function that gives a fresh one for each connection. Connections come and
    go unseen; what was asked is asked again under the same id until it is answered. A session may hold five rooms.
    """

    def __init__(self, urls: str | Sequence[str], *, app: int, user: str, token: Token, user_name: str = "") -> None:
        account = Account(app, User(user, user_name or user), token if isinstance(token, str) else "")
        self._session = Session(account, lambda: str(uuid4()))
        addresses = [urls] if isinstance(urls, str) else list(urls)
        self._link = Link(addresses, self._session, self._deliver, None if isinstance(token, str) else _awaited(token))
        self.records = Records(urls, token=token, app=app)
        """The same user's questions over HTTP, while the client is open."""
        self._rooms: dict[str, Room] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.records.__aenter__()
        self._running = asyncio.create_task(self._link.run())
        self._running.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def room(self, room_id: str) -> Room:
        """The room of that name; the same object each time."""
        if room_id not in self._rooms:
            self._rooms[room_id] = Room(self, room_id)
        return self._rooms[room_id]

    async def close(self, *, leave: bool = True) -> None:
        """The end. `leave` false keeps the session for the heartbeat window, as a lost connection would."""
        with contextlib.suppress(TimeoutError, Refused):
            async with asyncio.timeout(LEAVE_WITHIN_S if leave else 0):
                await asyncio.gather(*(room.logout() for room in self._rooms.values()))
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.records.__aexit__()
        for room in self._rooms.values():
            room.handle_end(Closed("the client was closed"))

    # for rooms

    def inside(self, room_id: str) -> bool:
        """Whether the room is entered, or is being entered."""
        return room_id in self._session.seats

    def enter(self, room: Room, after: Position | None) -> None:
        """Wants to be in the room."""
        if self._running is None or self._running.done():
            raise Closed("the client is not open; use it in `async with`")
        self._session.enter(room.room_id, after)
        self._link.wake()

    def leave(self, room_id: str) -> None:
        """Wants nothing more of the room."""
        self._session.forget(room_id)
        self._rooms[room_id].handle_end(Closed("logged out"))

    def pause(self, room_id: str, position: Position) -> None:
        """The room's reader is full."""
        if self.inside(room_id):
            self._session.pause(room_id, position)

    def go_on(self, room_id: str, position: Position) -> None:
        """It has room again."""
        self._session.go_on(room_id, position, asyncio.get_running_loop().time())
        self._link.wake()

    async def ask(
        self, kind: str, fields: dict[str, Any], *, request_id: str = "", timeout_s: float = ANSWER_WITHIN_S
    ) -> dict[str, Any]:
        """A request's answer; refusals that pass are tried again under the same id. Refused, TimeoutError or Closed."""
        chosen, backoff = request_id or str(uuid4()), Backoff()
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await self._answer(kind, fields, chosen)
                except Refused as refused:
                    if not refused.passing:
                        raise
                    await asyncio.sleep(backoff.next_s())

    async def _answer(self, kind: str, fields: dict[str, Any], request_id: str) -> dict[str, Any]:
        waiting = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            self._session.ask(kind, fields, request_id)
            self._link.wake()
            answer = await waiting
        finally:
            self._session.give_up(request_id)
            self._waiting.pop(request_id, None)
        if not answer.get("ok"):
            raise _refusal(answer.get("error", {}))
        return answer

    # from the session

    def _deliver(self, outcome: Outcome) -> None:
        match outcome:
            case Given(room_id=room_id, item=item):
                self.room(room_id).handle_item(item)
            case Answered(id=request_id, frame=frame):
                waiting = self._waiting.get(request_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame)
            case Over(room_id=room_id, code=code, reason=reason, refused=refused):
                self.room(room_id).handle_end(Refused(code, reason) if refused else StayOver(room_id, code, reason))
            case _:
                pass

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """The link ends only with the client, or by a fault of this library: then everybody who waits is told."""
        why = Closed("the client was closed")
        if not task.cancelled() and (error := task.exception()) is not None:
            why.__cause__ = error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(why)
        for room in self._rooms.values():
            room.handle_end(why)


def _refusal(error: dict[str, Any]) -> Refused:
    return Refused(
        int(error.get("code", 0)), str(error.get("message", "refused")), field=str(error.get("field", "")),
        hint=str(error.get("hint", "")),
    )  # fmt: skip


def _awaited(token: Callable[[], str | Awaitable[str]]) -> Callable[[], Awaitable[str]]:
    async def fetch() -> str:
        given = token()
        return await given if isawaitable(given) else given

    return fetch
