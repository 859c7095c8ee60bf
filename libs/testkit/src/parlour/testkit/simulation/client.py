"""A client written from docs/protocol.md: it asks with retries under the same id, applies frames by the rules, and keeps its history.

What the server does that no rule allows (a repeated frame on a fresh connection, a hash that does not chain, `live` ahead of what was
sent) it calls wrong by itself; the rest is for the history checker.
"""

import asyncio
import json
from typing import Any
from uuid import UUID

from parlour.testkit.history import Acknowledged, Applied, Began, ClientHistory

from .sockets import Socket
from .view import RoomView
from .world import World

APP = 1
ANSWER_WITHIN_S = 6.0
TRIES = 12
UNKNOWN_SESSION, NOT_IN_ROOM, HEARTBEAT = 9000007, 1000002, 1102001
AGAIN = {UNKNOWN_SESSION, HEARTBEAT}
FINAL = {1002050, 1002055}
PASSING = {9000004, 9000010, 1100002, 1100999}
"""Whether it was done is open: the same again, after a pause."""
PAUSE_S = 0.3

Frame = dict[str, Any]


class Refused(Exception):
    """The server said no."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class Over(Exception):
    """The stay in the room is over."""


class Client:
    """One person at one browser. `room` is empty while it is in none."""

    def __init__(self, name: str, user: str, world: World) -> None:
        self.name = name
        self.user = user
        self.history = ClientHistory(name)
        self.room = ""
        self.secret = ""
        self.final = False
        self.stays = 0
        self.transports: set[str] = set()
        """Those that it was given the answer for: nobody connects to any other."""
        self.view = RoomView(user)
        self._world = world
        self._socket: Socket | None = None
        self._fresh = False
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._reconnecting = asyncio.Lock()
        self._logins: dict[str, str] = {}
        self._resumes: set[str] = set()
        self._why = ""

    @property
    def session_id(self) -> str:
        """Its name inside events."""
        return self.secret.partition(".")[0]

    @property
    def online(self) -> bool:
        """Whether it has a connection."""
        return self._socket is not None and self._socket.open

    # asking

    async def login(self, room: str) -> None:
        """Enters a room as a new session, on a new connection."""
        self.leave_behind()
        self._connect()
        id_ = self._id()
        self._logins[id_] = room
        user = {"userID": self.user, "userName": self.user.title()}
        await self.ask({"t": "login", "id": id_, "appID": APP, "roomID": room, "token": self.user, "user": user})

    async def command(self, kind: str, *, appends: bool = True, **fields: Any) -> Frame:
        """Asks for something in the room, again and again until it is answered."""
        return await self.ask({"t": kind, "id": self._id(), "roomID": self.room, **fields}, appends=appends)

    async def ask(self, frame: Frame, *, appends: bool = True) -> Frame:
        """The answer. `Refused` for a no, `Over` where the stay ended meanwhile, TimeoutError when nobody ever answers."""
        stays = self.stays
        for _ in range(TRIES):
            try:
                await self._reachable(frame)
                answer = await self._once(frame)
            except (TimeoutError, ConnectionError):
                continue
            if not answer["ok"]:
                code = int(answer["error"]["code"])
                if code in PASSING:
                    await asyncio.sleep(PAUSE_S)
                    continue
                raise Refused(code, str(answer["error"]["message"]))
            self.history.acknowledged.append(Acknowledged(frame["id"], str(answer.get("position", "")), appends))
            return answer
        if stays != self.stays or frame["t"] == "login":
            raise Over
        raise TimeoutError

    async def _once(self, frame: Frame) -> Frame:
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[frame["id"]] = future
        self._send(frame)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await future
        finally:
            self._waiting.pop(frame["id"], None)

    # the connection

    def drop(self, noticed_after_s: float = 0.0) -> None:
        """The connection breaks; the client will come back when it next wants something."""
        if self._socket is not None:
            self._socket.cut(noticed_after_s)
            self._closed(self._socket)

    def leave_behind(self) -> None:
        """Forgets the room: out by its own wish, or put out."""
        self.drop()
        self._left()

    def _left(self) -> None:
        self.room = self.secret = ""
        self.stays += 1

    async def stay(self) -> None:
        """Comes back if the connection is lost, as a page does by itself."""
        if self.room and not self.online:
            try:
                await self._reachable({"t": "ping"})
            except (TimeoutError, ConnectionError, Refused):
                return

    async def _reachable(self, frame: Frame) -> None:
        if frame["t"] == "login":
            if not self.online:
                await asyncio.sleep(self._world.faults.chance.uniform(0.1, 0.5))
                self._connect()
            return
        if not self.room:
            raise Over
        async with self._reconnecting:
            if not self.online:
                await asyncio.sleep(self._world.faults.chance.uniform(0.1, 0.5))
                self._connect()
                await self._resume()
            if not self.room:
                raise Over

    async def _resume(self) -> None:
        frame: Frame = {
            "t": "resume",
            "id": self._id(),
            "sessionID": self.secret,
            "rooms": {self.room: self.view.position},
        }
        self._resumes.add(frame["id"])
        answer = await self._once(frame)
        if answer["ok"]:
            return
        code = int(answer["error"]["code"])
        if code in AGAIN or code in FINAL:
            self.final = self.final or code in FINAL
            self._left()
            raise Over
        self.drop()
        raise ConnectionError(code)

    def _connect(self) -> None:
        doors = [door for door in self._world.doors.values() if door.process.alive]
        if not doors:
            raise ConnectionError("no gateway is up")
        self._fresh = False
        self._socket = self._world.chance.choice(doors).connect(self._heard, self._closed)

    def _send(self, frame: Frame) -> None:
        if self._socket is None or not self._socket.open:
            raise ConnectionError("no connection")
        self._socket.send(json.dumps(frame))

    def _closed(self, socket: Socket) -> None:
        if socket is not self._socket:
            return
        self._socket = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the connection is gone"))

    def _id(self) -> str:
        return str(UUID(int=self._world.chance.getrandbits(128), version=4))

    # frames

    def _heard(self, socket: Socket, text: str) -> None:
        if socket is not self._socket:
            return
        frame: Frame = json.loads(text)
        kind = frame["t"]
        if kind == "res":
            self._answered(frame)
        elif frame.get("roomID", self.room) == self.room and self.room:
            self._of_room(kind, frame)

    def _answered(self, frame: Frame) -> None:
        room = self._logins.get(frame["id"])
        if room is not None and frame["ok"]:
            del self._logins[frame["id"]]
            self.room, self.secret, self._fresh = room, frame["sessionID"], True
            self.stays += 1
            self.view.begin(frame["position"], frame)
            self.history.seen.append(Began(frame["position"]))
        if frame["id"] in self._resumes and frame["ok"]:
            self._fresh = True
        if "transportID" in frame:
            self.transports.add(frame["transportID"])
        future = self._waiting.get(frame["id"])
        if future is not None and not future.done():
            future.set_result(frame)

    def _of_room(self, kind: str, frame: Frame) -> None:
        if kind in ("ev", "skip"):
            self._event(kind, frame)
        elif kind == "snap":
            self.history.seen.append(Began(frame["pos"], self._why or "snapshot"))
            self.view.begin(frame["pos"], frame)
            self._why = ""
        elif kind == "resync":
            self._why = frame["reason"]
        elif kind == "end":
            self.final = self.final or int(frame["code"]) not in AGAIN
            self._left()
        elif kind in ("live", "head"):
            self._told(kind, frame["pos"])

    def _event(self, kind: str, frame: Frame) -> None:
        first = int(frame["from"]) if kind == "skip" else int(frame["seq"])
        uid, last, hash8 = frame["pos"].split(".")
        if uid != self.view.uid:
            self._world.fault(f"{self.name} got an event of another life")
        elif first <= self.view.seq:
            if self._fresh:
                self._world.fault(f"{self.name} was sent event {first} again, at {self.view.seq}")
        elif first > self.view.seq + 1:
            self._fill(f"event {first} after {self.view.seq}")
        elif kind == "ev" and frame["prev"] != self.view.hash8:
            self._world.fault(f"{self.name} got event {first}, which cites another hash than it holds")
        else:
            self.history.seen.append(Applied(uid, first, int(last), hash8, self._world.clock.at()))
            self.view.apply(kind, frame)

    def _told(self, kind: str, position: str) -> None:
        uid, seq, _ = position.split(".")
        if uid == self.view.uid and int(seq) > self.view.seq:
            if kind == "live":
                self._world.fault(f"{self.name} was told to be live at {seq} and stands at {self.view.seq}")
            self._fill(f"the room is at {seq}")

    def _fill(self, why: str) -> None:
        """A gap: resume on the same connection; answers cross events then, so repetitions are no fault any more."""
        self._world.note(f"{self.name} fills a gap: {why}")
        self._fresh = False
        frame: Frame = {
            "t": "resume",
            "id": self._id(),
            "sessionID": self.secret,
            "rooms": {self.room: self.view.position},
        }
        self._send(frame)
