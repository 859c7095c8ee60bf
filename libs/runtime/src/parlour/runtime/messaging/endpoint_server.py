"""Serves endpoints: decodes a request, calls its handler, and encodes the reply, or the problem that the handler raised.

They are registered by `nats.micro`, so that stock tools list them with their statistics. nats-py hands an endpoint its messages one after
the other, so each gets a task of its own here, and the statistics are counted when the task ends.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import msgspec
from nats import micro
from nats.aio.client import Client
from nats.micro.request import Request as MicroRequest
from nats.micro.service import EndpointStats, Service, ServiceConfig

from parlour.contracts import subjects
from parlour.contracts.codes import Code, Problem
from parlour.contracts.commands import Reply
from parlour.contracts.ids import Invalid
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry import tracing
from parlour.runtime.telemetry.log_throttle import LogThrottle
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics, observe_with_trace

from . import address
from .endpoint import NO_HEADERS, Endpoint

MAX_IN_FLIGHT = 1024
"""Most requests handled at once; above it, arrivals wait in the subscription's bounded queue."""

log = logger(__name__)
_encode = msgspec.json.Encoder().encode
_AddService = Callable[[Client, ServiceConfig], Awaitable[Service]]
add_service = cast(_AddService, micro.add_service)  # pyright: ignore[reportUnknownMemberType] its keyword arguments are untyped


class _Route:
    """An endpoint with its counts and metrics."""

    def __init__(self, name: str, endpoint: Endpoint, metrics: Metrics) -> None:
        self.name = name
        self.handler = endpoint.handler
        self.gate = endpoint.gate
        self.unanswerable = metrics.unanswerable.labels(name)
        self.decode = msgspec.json.Decoder(endpoint.request_type).decode
        self.time = metrics.request_time.labels(name)
        self.outcomes = {
            outcome: metrics.requests.labels(name, outcome) for outcome in ("ok", "rejected", "invalid", "fault")
        }
        self.errors = 0
        self.done = 0
        self.busy_ns = 0


class FaultReport(Protocol):
    """Counts and logs an error of this process."""

    def __call__(self, where: str, error: BaseException, **fields: Any) -> None: ...


@dataclass(eq=False)
class EndpointServer:
    """Answers the requests of one service's endpoints on one NATS connection."""

    _client: Client
    _metrics: Metrics
    _report_fault: FaultReport
    _queue: str
    _slots: asyncio.Semaphore = field(init=False, default_factory=lambda: asyncio.Semaphore(MAX_IN_FLIGHT))
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _routes: dict[str, _Route] = field(init=False, default_factory=dict)
    _service: Service | None = field(init=False, default=None)
    _stopping: bool = field(init=False, default=False)
    _log_throttle: LogThrottle = field(init=False, default_factory=lambda: LogThrottle(time.monotonic))

    async def start(self, name: str, version: str, endpoints: Mapping[str, Endpoint]) -> None:
        config = ServiceConfig(name=name, version=version, queue_group=self._queue, stats_handler=self._stats)
        self._service = await add_service(self._client, config)
        for endpoint_name, endpoint in endpoints.items():
            route = self._routes[endpoint_name] = _Route(endpoint_name, endpoint, self._metrics)
            await self._service.add_endpoint(name=endpoint_name, subject=endpoint.subject, handler=self._admit(route))

    async def drain(self, within_s: float) -> None:
        """Takes no new requests and waits for those at work."""
        self._stopping = True
        if self._service is not None and self._client.is_connected:
            await self._service.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def overflow(self, reply: str) -> None:
        """Refuses a request that the full queue dropped, so that the requester need not wait for its timeout."""
        if subjects.is_inbox(reply):
            await self._client.publish(reply, _encode(_refusal(Code.UNAVAILABLE, "the service is overloaded")))

    def _admit(self, route: _Route) -> micro.request.Handler:
        async def admit(request: MicroRequest) -> None:
            try:
                leave = self._enter(route, request)
            except Rejection as refused:
                route.outcomes["rejected"].inc()
                await request.respond(_encode(Reply(problem=refused.problem)))
                return
            if leave is None:
                route.unanswerable.inc()
                return
            await self._slots.acquire()
            task = asyncio.get_running_loop().create_task(self._answer(route, request, time.perf_counter_ns()))
            self._tasks.add(task)
            task.add_done_callback(self._finished)
            task.add_done_callback(lambda _: leave())

        return admit

    def _enter(self, route: _Route, request: MicroRequest) -> Callable[[], None] | None:
        """Returns the function to call at the end, or None for a request that must not be answered; `Rejection` if the gate refuses it."""
        reply = request._msg.reply  # pyright: ignore[reportPrivateUsage] micro's Request hides where an answer is wanted
        if reply and not subjects.is_inbox(reply):
            return None
        if route.gate is None:
            return _leave_no_gate
        try:
            app = address.parse(request.subject).app
        except address.NotAnAddress:
            return None
        return route.gate.enter(app, reply, len(request.data)) if route.gate.answers(app, reply) else None

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report_fault("reply", error)

    async def _answer(self, route: _Route, request: MicroRequest, arrived_ns: int) -> None:
        outcome, reply = await self._handle(route, request)
        spent = time.perf_counter_ns() - arrived_ns
        route.done += 1
        route.busy_ns += spent
        route.errors += outcome == "fault"
        route.outcomes[outcome].inc()
        observe_with_trace(route.time, spent / 1e9)
        if not request._msg.reply:  # pyright: ignore[reportPrivateUsage] micro's Request hides whether an answer is wanted
            return
        payload = _encode(reply)
        if len(payload) > self._client.max_payload:
            self._report_fault("reply", ValueError(f"a reply of {len(payload)} bytes"), endpoint=route.name)
            payload = _encode(_refusal(Code.SERVER_ERROR, "the answer is too large"))
        await request.respond(payload)

    async def _handle(self, route: _Route, request: MicroRequest) -> tuple[str, msgspec.Struct]:
        tracing.adopt(request.headers)
        try:
            body: Any = route.decode(request.data)
            with tracing.span(f"{self._queue}.{route.name}"):
                return "ok", await route.handler(address.parse(request.subject), body, request.headers or NO_HEADERS)
        except Rejection as rejection:
            return "rejected", Reply(problem=rejection.problem)
        except Invalid as invalid:
            return "invalid", Reply(problem=invalid.problem)
        except msgspec.DecodeError as error:
            return "invalid", _refusal(Code.FRAME_INVALID, f"the request does not decode: {error}")
        except ValueError as error:
            if (left_out := self._log_throttle.admit(route.name)) is not None:
                log.warning("value_refused", endpoint=route.name, error=repr(error), left_out=left_out)
            return "invalid", _refusal(Code.PARAMETER, "a field has a value that is not allowed")
        except LogUnavailable as error:
            log.warning("log_unavailable", endpoint=route.name, error=str(error))
            return "fault", _refusal(Code.UNAVAILABLE, "the record can't be written now", "try again")
        except Exception as error:
            self._report_fault("endpoint", error, endpoint=route.name)
            return "fault", _refusal(Code.UNAVAILABLE, "the service failed", "try again")

    def _stats(self, stats: EndpointStats) -> None:
        """Replaces the counts of nats.micro, which end when the task starts."""
        route = self._routes.get(stats.name)
        if route is not None:
            stats.num_requests, stats.num_errors, stats.processing_time = route.done, route.errors, route.busy_ns
            stats.average_processing_time = route.busy_ns // max(route.done, 1)


def _refusal(code: Code, message: str, hint: str = "") -> Reply:
    return Reply(problem=Problem(int(code), message, hint=hint))


def _leave_no_gate() -> None:
    """Ends a request that no gate counted."""
