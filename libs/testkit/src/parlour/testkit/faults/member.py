"""A client that stays in its room whatever happens: it resumes at any gateway, and asks again under the same id until it has an answer."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from parlour.testkit.client import Frame, RawClient, Refusal
from parlour.testkit.history import Acknowledged, ClientHistory, from_frames

ANSWER_WITHIN_S = 5.5
"""The protocol's 5 s, and what a busy machine adds."""
SILENT_S = 2.0
"""Without an answer to a ping for so long, the connection is given up."""
SESSION_UNKNOWN = 9000007
LEFT_BEHIND = frozenset({1102001, 1002050, 1002055, SESSION_UNKNOWN})


@dataclass
class Attempt:
    """One sending of one command: `code` 0 for done, -1 for a connection that broke, -2 for silence."""

    command_id: str
    kind: str
    began: float
    took_s: float
    code: int


@dataclass
class Member:
    """One user in one room. `urls` are the gateways, the first one to begin with."""

    urls: Sequence[str]
    app: int
    room: str
    user: str
    token: str
    frames: list[Frame] = field(default_factory=list[Frame])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    acknowledged: list[Acknowledged] = field(default_factory=list[Acknowledged])
    away_s: list[float] = field(default_factory=list[float])
    """How long each loss of the connection lasted."""
    logins: int = 0
    waiting: bool = False
    position: str = ""
    _client: RawClient | None = None
    _taken: int = 0
    _session: str = ""
    _turn: int = 0
    _keeping: "asyncio.Task[None] | None" = None
    _connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def enter(self) -> None:
        """Logs in; from then on it stays by itself until `leave`."""
        await self._login()
        self._connected.set()
        self._keeping = asyncio.create_task(self._keep())

    async def say(self, kind: str, **fields: object) -> None:
        """Sends a command until it is acknowledged; refusals that name another reason than an outage are the test's fault."""
        command_id = str(uuid4())
        self.waiting = True
        try:
            while not await self._attempt(kind, command_id, fields):  # noqa: ASYNC110 a pause, no waiting
                await asyncio.sleep(0.1)
        finally:
            self.waiting = False

    async def reach(self, seq: int, within_s: float) -> None:
        """Waits until this event was applied."""
        async with asyncio.timeout(within_s):
            while self._seq() < seq:
                await asyncio.sleep(0.05)
                self._take()

    async def leave(self) -> None:
        """Closes the connection and stops caring."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._client is not None:
            self._take()
            await self._client.close()

    def history(self) -> ClientHistory:
        """For the checker."""
        self._take()
        history = from_frames(f"{self.user} in {self.room}", self.room, self.frames)
        history.acknowledged += self.acknowledged
        return history

    def _seq(self) -> int:
        return int(self.position.split(".")[1]) if self.position else 0

    def _take(self) -> None:
        """Looks through what came since the last time."""
        if self._client is None:
            return
        for frame in self._client.frames[self._taken :]:
            self.frames.append(frame)
            if frame.get("t") in ("ev", "skip", "snap") and frame.get("roomID") == self.room:
                place = str(frame["pos"])
                if not self._same_life(place) or int(place.split(".")[1]) > self._seq():
                    self.position = place
        self._taken = len(self._client.frames)

    def _same_life(self, place: str) -> bool:
        return place.split(".")[0] == self.position.split(".")[0]

    async def _attempt(self, kind: str, command_id: str, fields: dict[str, object]) -> bool:
        await self._connected.wait()
        client, began, code = self._client, time.monotonic(), 0
        assert client is not None
        try:
            named = {"roomID": self.room, **fields}
            await client.ask(kind, command_id=command_id, timeout_s=ANSWER_WITHIN_S, **named)
            self.acknowledged.append(Acknowledged(command_id))
        except Refusal as refused:
            code = refused.code
        except TimeoutError:
            code = -2
        except Exception:  # whichever way the connection broke
            code = -1
        self.attempts.append(Attempt(command_id, kind, began, time.monotonic() - began, code))
        return code == 0

    # staying

    async def _keep(self) -> None:
        while True:
            assert self._client is not None
            await self._until_lost(self._client)
            self._connected.clear()
            began = time.monotonic()
            self._take()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(0.5):
                    await self._client.close()
            self._take()
            await self._come_back()
            self.away_s.append(time.monotonic() - began)
            self._connected.set()

    async def _until_lost(self, client: RawClient) -> None:
        """Pings once a second; returns when the connection is closed or silent, or the server ends the stay."""
        while True:
            try:
                await client.ask("ping", timeout_s=SILENT_S)
            except Exception:
                return
            before = len(self.frames)
            self._take()
            if any(frame.get("t") == "end" for frame in self.frames[before:]):
                return
            with contextlib.suppress(TimeoutError):
                await client.closed(timeout_s=1.0)
                return

    async def _come_back(self) -> None:
        pause = 0.1
        while True:
            self._turn += 1
            with contextlib.suppress(OSError, TimeoutError, Refusal, ConnectionError, Exception):
                await (self._resume() if self._session else self._login())
                return
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)

    async def _open(self) -> RawClient:
        url = self.urls[self._turn % len(self.urls)]
        async with asyncio.timeout(SILENT_S):
            return await RawClient.open(url)

    async def _resume(self) -> None:
        client = await self._open()
        try:
            await client.ask(
                "resume", sessionID=self._session, rooms={self.room: self.position}, timeout_s=ANSWER_WITHIN_S
            )
        except Refusal as refused:
            await client.close()
            if refused.code in LEFT_BEHIND:
                self._session = ""
            raise
        except BaseException:
            await client.close()
            raise
        self._client, self._taken = client, 0

    async def _login(self) -> None:
        client, command_id = await self._open(), str(uuid4())
        try:
            answer = await client.login(self.app, self.room, self.user, self.token, command_id=command_id)
        except BaseException:
            await client.close()
            raise
        self._client, self._taken, self.logins = client, 0, self.logins + 1
        self._session, self.position = str(answer["sessionID"]), str(answer["position"])
        self.acknowledged.append(Acknowledged(command_id, self.position))
