"""Dispatches the frames of one connection: to login, resume, subscriptions, or a queue of requests.

A login, resume or subscription is finished before the next frame is parsed. Other requests wait in request queues that run side by side,
so that a negotiation under way delays no message; within a queue they keep the client's order. Each request is answered by its id, once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from parlour.contracts import client
from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import Invalid
from parlour.gateway.app.delivery.subscriptions import ConnectionSubscriptions
from parlour.gateway.app.requests.frame_metrics import FrameMetrics
from parlour.gateway.app.requests.login import LoginHandler
from parlour.gateway.app.requests.resume import ResumeHandler, unknown_session
from parlour.gateway.app.requests.room_requests import RoomRequestHandler
from parlour.gateway.app.sessions.session import Channel, Session, SessionTable
from parlour.gateway.domain.frames import InvalidFrame, parse, to_text
from parlour.gateway.domain.token_bucket import TokenBucket
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry import tracing

REQUESTS_AT_ONCE = 64
"""Most requests of one connection that may be unanswered."""
EXCESS_FRAMES = 1000
"""Frames beyond the rate that are answered before the connection is closed."""
MALFORMED_PER_S, MALFORMED_BURST = 0.1, 100.0
"""Limits on malformed frames of one connection: a client under development sends a few of them, never thousands."""
PUBLISHING, PLAYING, TALKING = "publishing", "playing", "talking"
_QUEUES: dict[type[Any], str] = {
    client.Publish: PUBLISHING,
    client.StopPublish: PUBLISHING,
    client.Play: PLAYING,
    client.StopPlay: PLAYING,
}


class ProtocolViolation(Exception):
    """The client breaks the protocol; its connection is closed with 4400."""


@dataclass(eq=False)
class RequestDispatcher:
    """Answers the requests of one connection; `fault` is called with errors that are ours."""

    _channel: Channel
    _logins: LoginHandler
    _resumes: ResumeHandler
    _requests: RoomRequestHandler
    _sessions: SessionTable
    _subscriptions: ConnectionSubscriptions
    _pace: TokenBucket
    _metrics: FrameMetrics
    _fault: Callable[[BaseException], None]
    _clock: Clock
    session: Session | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._excess_left = EXCESS_FRAMES
        self._malformed = TokenBucket(MALFORMED_PER_S, MALFORMED_BURST, self._loop.time())
        self._queues: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle_frame(self, text: str) -> None:
        """Handles one text frame of the client's. `ProtocolViolation` ends the connection."""
        arrived = self._loop.time()
        within_rate = self._pace.take(arrived)  # before it is parsed: a malformed frame costs as much
        if not within_rate:
            self._excess_left -= 1
            if self._excess_left < 0:
                raise ProtocolViolation("far too many frames")
        try:
            frame = parse(text)
        except InvalidFrame as error:
            self._metrics.count_unreadable()
            if not self._malformed.take(arrived):
                raise ProtocolViolation("too many frames that cannot be read") from None
            self._refuse(error.frame_id, error.problem)
            return
        match frame:
            case _ if not within_rate:
                problem = Problem(int(Code.RATE_LIMITED), "too many frames", hint="slow down")
                self._refuse_unhandled(frame, problem)
            case client.Ping():
                self._send(client.Pong(id=str(frame.id), server_time=self._clock.at() // 1000))
            case client.Login() | client.Resume():
                await self._answer(frame, arrived, self._enter(frame))
            case client.Subscribe():
                await self._answer(frame, arrived, self._subscribe(frame))
            case client.Unsubscribe():
                await self._answer(frame, arrived, self._subscriptions.unsubscribe(frame))
            case _:
                self._enqueue(frame, arrived)

    def close(self) -> None:
        """Ends the subscriptions and detaches the session, since the connection is closed. Requests under way are handled to their end: a
        client that repeats them on another connection gets the same answers.
        """
        self._subscriptions.close()
        if self.session is not None:
            self._sessions.detach(self.session, self._channel)

    @property
    def is_idle(self) -> bool:
        """Whether the connection speaks for no session and follows no room."""
        return self.session is None and not self._subscriptions

    # the session

    async def _enter(self, frame: client.Login | client.Resume) -> None:
        """Logs in or resumes; the connection speaks for that session from now on."""
        if self._subscriptions:
            raise _session_or_reader()
        before = self.session
        if isinstance(frame, client.Resume):
            self.session = await self._resumes.resume(frame, self._channel)
        else:
            current = before if before is not None and before.rooms else None
            self.session = await self._logins.login(frame, self._channel, current)
        if before is not None and before is not self.session:
            self._sessions.detach(before, self._channel)

    async def _subscribe(self, frame: client.Subscribe) -> None:
        if self.session is not None and self.session.rooms:
            raise _session_or_reader()
        await self._subscriptions.subscribe(frame)

    # requests

    def _enqueue(self, frame: client.RoomFrame, arrived: float) -> None:
        session = self.session
        if session is None:
            self._refuse_unhandled(frame, unknown_session().problem)
            return
        if len(self._tasks) >= REQUESTS_AT_ONCE:
            problem = Problem(int(Code.RATE_LIMITED), "too many requests wait for their answer")
            self._refuse_unhandled(frame, problem)
            return
        queue = _QUEUES.get(type(frame), TALKING)
        task = self._loop.create_task(self._in_queue(self._queues.get(queue), session, frame, arrived))
        self._queues[queue] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_queue(
        self, before: "asyncio.Task[None] | None", session: Session, frame: client.RoomFrame, arrived: float
    ) -> None:
        if before is not None and not before.done():
            await asyncio.wait((before,))

        async def request() -> None:
            self._send(await self._requests.handle(session, frame))

        await self._answer(frame, arrived, request())

    async def _answer(self, frame: client.ClientFrame, arrived: float, work: Awaitable[None]) -> None:
        """Does the work that a frame asks for; answers with the problem if it raises."""
        # Each request is a trace of its own; the spans of entering are kept, those of a talk would only be many.
        sampled = isinstance(frame, client.Login | client.Resume)
        try:
            with tracing.start(f"gateway.{frame.__struct_config__.tag}", sampled):
                await work
        except (Rejection, Invalid) as error:
            problem = error.problem
        except Exception as error:
            self._fault(error)
            problem = Problem(int(Code.SERVER_ERROR), "the server failed", hint="try again")
        else:
            problem = None
        self._metrics.count_handled(frame, arrived, problem)
        if problem is not None:
            self._refuse(str(frame.id), problem)

    def _refuse_unhandled(self, frame: client.ClientFrame, problem: Problem) -> None:
        """Refuses a frame before any work on it."""
        self._metrics.count_refused(frame)
        self._refuse(str(frame.id), problem)

    def _refuse(self, frame_id: str, problem: Problem) -> None:
        refusal = client.RequestRefused(id=frame_id, ok=False, error=problem) if frame_id else client.Failure(problem)
        self._send(refusal)

    def _send(self, frame: client.ServerFrame) -> None:
        self._channel.put(to_text(frame))


def _session_or_reader() -> Rejection:
    """Refuses a connection that would be a member and a reader at once: frames name rooms alone, and could be for either."""
    return Rejection(
        Code.PARAMETER, "a connection is a session's or a reader's, not both", field="t", hint="open another connection"
    )
