"""From a client's frames to answers, for one connection.

A login, resume or subscription is finished before the next frame is looked at. Other requests wait in queues that run side by side, so that
an offer under way holds up no message; within a queue they keep the client's order. Each request is answered by its id, exactly once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from parlour.contracts import client
from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import Invalid
from parlour.gateway.app.delivery.subscriptions import ConnectionSubscriptions
from parlour.gateway.app.requests.login import LoginHandler
from parlour.gateway.app.requests.resume import Resumes, unknown_session
from parlour.gateway.app.requests.room_requests import RoomRequestHandler
from parlour.gateway.app.sessions.session import Channel, Session
from parlour.gateway.app.sessions.session import SessionTable
from parlour.gateway.domain.frames import InvalidFrame, parse, to_text
from parlour.gateway.domain.token_bucket import TokenBucket
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry import tracing

REQUESTS_AT_ONCE = 64
"""Requests of one connection that may be unanswered."""
EXCESS_FRAMES = 1000
"""Frames over the rate that are answered before the connection is closed."""
MALFORMED_PER_S, MALFORMED_BURST = 0.1, 100.0
"""Frames that cannot be read, of one connection: a program sends a few of them while it is written, never thousands."""
PUBLISHING, PLAYING, TALKING = "publishing", "playing", "talking"
_QUEUES: dict[type[Any], str] = {
    client.Publish: PUBLISHING,
    client.StopPublish: PUBLISHING,
    client.Play: PLAYING,
    client.StopPlay: PLAYING,
}

Fault = Callable[[BaseException], None]


class ProtocolViolation(Exception):
    """The client does not keep the protocol; its connection is closed with 4400."""


class RequestDispatcher:
    """Answers the requests of one connection; `fault` is called with errors that are ours."""

    def __init__(
        self,
        channel: Channel,
        logins: LoginHandler,
        resumes: Resumes,
        requests: RoomRequestHandler,
        sessions: SessionTable,
        following: ConnectionSubscriptions,
        pace: TokenBucket,
        fault: Fault,
        clock: Clock,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._channel = channel
        self._logins = logins
        self._resumes = resumes
        self._requests = requests
        self._sessions = sessions
        self._following = following
        self._pace = pace
        self._fault = fault
        self._excess_left = EXCESS_FRAMES
        self._malformed = TokenBucket(MALFORMED_PER_S, MALFORMED_BURST, self._loop.time())
        self._queues: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.session: Session | None = None

    async def frame(self, text: str) -> None:
        """Handles one text frame of the client's. `ProtocolViolation` ends the connection."""
        within = self._pace.take(self._loop.time())  # before it is parsed: a malformed frame costs as much
        if not within:
            self._count_excess()
        try:
            frame = parse(text)
        except InvalidFrame as error:
            self._count_malformed()
            self._refuse(error.frame_id, error.problem)
            return
        if not within:
            self._refuse(str(frame.id), Problem(int(Code.RATE_LIMITED), "too many frames", hint="slow down"))
            return
        match frame:
            case client.Ping():
                self._send(client.Pong(id=str(frame.id), server_time=self._clock.at() // 1000))
            case client.Login():
                await self._answering(frame, self._login(frame))
            case client.Resume():
                await self._answering(frame, self._resume(frame))
            case client.Subscribe():
                await self._answering(frame, self._subscribe(frame))
            case client.Unsubscribe():
                self._send(await self._following.unsubscribe(frame))
            case _:
                self._enqueue(frame)

    def closed(self) -> None:
        """Takes note that the connection is gone. Requests under way are done to their end: a client that repeats them elsewhere gets the
        same answers.
        """
        self._following.close()
        if self.session is not None:
            self._sessions.detach(self.session, self._channel)

    @property
    def idle(self) -> bool:
        """Tells whether the connection speaks for no session and follows no room."""
        return self.session is None and not self._following

    # the session

    async def _login(self, frame: client.Login) -> None:
        self._check_not_following()
        current = self.session if self.session is not None and self.session.rooms else None
        self._speak_for(await self._logins.login(frame, self._channel, current))

    async def _resume(self, frame: client.Resume) -> None:
        self._check_not_following()
        self._speak_for(await self._resumes.resume(frame, self._channel))

    def _speak_for(self, session: Session) -> None:
        before, self.session = self.session, session
        if before is not None and before is not session:
            self._sessions.detach(before, self._channel)

    async def _subscribe(self, frame: client.Subscribe) -> None:
        if self.session is not None and self.session.rooms:
            raise _session_or_reader()
        await self._following.subscribe(frame)

    def _check_not_following(self) -> None:
        if self._following:
            raise _session_or_reader()

    # requests

    def _enqueue(self, frame: client.RoomFrame) -> None:
        session = self.session
        if session is None:
            self._refuse(str(frame.id), unknown_session().problem)
            return
        if len(self._tasks) >= REQUESTS_AT_ONCE:
            self._refuse(str(frame.id), Problem(int(Code.RATE_LIMITED), "too many requests wait for their answer"))
            return
        queue = _QUEUES.get(type(frame), TALKING)
        task = self._loop.create_task(self._in_queue(self._queues.get(queue), session, frame))
        self._queues[queue] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_queue(self, before: "asyncio.Task[None] | None", session: Session, frame: client.RoomFrame) -> None:
        if before is not None and not before.done():
            await asyncio.wait((before,))
        await self._answering(frame, self._request(session, frame))

    async def _request(self, session: Session, frame: client.RoomFrame) -> None:
        self._send(await self._requests.handle(session, frame))

    async def _answering(self, frame: client.ClientFrame, work: Awaitable[None]) -> None:
        """Tells the client what `work` raises."""
        frame_id = str(frame.id)
        # Each request is a trace of its own; the spans of entering are kept, those of a talk would only be many.
        tracing.start(sampled=isinstance(frame, client.Login | client.Resume))
        try:
            with tracing.span(f"gateway.{frame.__struct_config__.tag}"):
                await work
        except (Rejection, Invalid) as error:
            self._refuse(frame_id, error.problem)
        except Exception as error:
            self._fault(error)
            self._refuse(frame_id, Problem(int(Code.SERVER_ERROR), "the server failed", hint="try again"))

    def _count_excess(self) -> None:
        self._excess_left -= 1
        if self._excess_left < 0:
            raise ProtocolViolation("far too many frames")

    def _count_malformed(self) -> None:
        if not self._malformed.take(self._loop.time()):
            raise ProtocolViolation("too many frames that cannot be read")

    def _refuse(self, frame_id: str, problem: Problem) -> None:
        if frame_id:
            self._send(client.Refused(id=frame_id, ok=False, error=problem))
        else:
            self._send(client.Failure(problem))

    def _send(self, frame: client.ServerFrame) -> None:
        self._channel.put(to_text(frame))


def _session_or_reader() -> Rejection:
    """Frames name rooms alone, so that a member's and a reader's of one room could not be told apart."""
    return Rejection.of(
        Code.PARAMETER, "a connection is a session's or a reader's, not both", field="t", hint="open another connection"
    )
