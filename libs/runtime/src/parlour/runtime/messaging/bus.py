"""NATS for services: requests, publishing, subscriptions, and endpoints that stock tools list (`nats micro list`).

Handlers get `(Address, payload, headers)`. A subscription's handler runs for one message after the other; an endpoint's handlers run
side by side, at most `MAX_IN_FLIGHT` of them. What an endpoint's handler raises is told to the asker as `Reply(problem=…)`.

Deviations from the sketch: `request` raises `Unavailable` (a `Rejection`) where nobody answers or NATS is away; `ask` tries again with the
same command id until its time is up, since commands are idempotent. A subscription says by `on_overflow` that it lost messages.
"""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from nats import errors
from nats.aio.client import Client
from nats.aio.client import Server as NatsServer
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from parlour.contracts import subjects
from parlour.contracts.codes import Code, Problem
from parlour.contracts.commands import Reply, Request
from parlour.kernel.rejection import Rejection
from parlour.runtime.life.settings import BusSettings
from parlour.runtime.telemetry import tracing
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics
from parlour.runtime.telemetry.rarely import Rarely

from . import address
from .address import Address

PENDING_MESSAGES = 10_000
PENDING_BYTES = 16 * 1024 * 1024
"""Per subscription; nats-py's own limits (512 k, 128 MB) would hide a stall for minutes and then cost the process's memory."""
OUTBOUND_BYTES = 8 * 1024 * 1024
MAX_WAITING = 8192
"""Requests of this process that wait for an answer."""
CONNECT_WITHIN_S = 60.0
ATTEMPT_S = 2.0
"""How long `ask` waits before it sends the command again: longer than a commit on a slow disk, shorter than a person's patience."""
ASK_WITHIN_S = 5.0
DRAIN_WITHIN_S = 5.0

log = logger(__name__)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_REFUSED = re.compile(r"permissions violation for subscription to \"([^\"]+)\"", re.IGNORECASE)
R = TypeVar("R")
Headers = Mapping[str, str]
NO_HEADERS: Headers = {}
MessageHandler = Callable[[Address, bytes, Headers], Awaitable[None]]
EndpointHandler = Callable[[Address, Any, Headers], Awaitable[msgspec.Struct]]


class Gate(Protocol):
    """Whom an endpoint answers, how often, and how many at once."""

    def answers(self, app: int, reply: str) -> bool:
        """Whether a question about the app may be answered to this reply subject."""
        ...

    def enter(self, app: int, reply: str, size: int) -> Callable[[], None]:
        """Counts a question of `size` bytes that begins, and returns what counts its end. `Rejection` where there are too many, or
        where it is too large.
        """
        ...


class Endpoint(NamedTuple):
    """Where requests arrive, what they decode to, who answers, and who is let in; without a gate, whoever NATS lets publish there."""

    subject: str
    request_type: Any
    handler: EndpointHandler
    gate: Gate | None = None


class Unavailable(Rejection):
    """Nobody answered in time: the command may or may not have been done; the same command id again is safe."""


def unavailable(message: str) -> Unavailable:
    """An `Unavailable` with the code and hint that clients get."""
    return Unavailable(Problem(int(Code.UNAVAILABLE), message, hint="send it again with the same command id"))


class Served(Protocol):
    """What `Bus` needs of its endpoints when it shuts down."""

    async def drain(self, within_s: float) -> None:
        """Finishes what has arrived."""
        ...

    async def overflow(self, reply: str) -> None:
        """Answers a request that found the queue full."""
        ...


class _Client(Client):
    """nats-py's client with our pending limits as defaults, also for subscriptions that `nats.micro` makes."""

    async def subscribe(
        self,
        subject: str,
        queue: str = "",
        cb: Callable[[Msg], Awaitable[None]] | None = None,
        future: "asyncio.Future[Any] | None" = None,
        max_msgs: int = 0,
        pending_msgs_limit: int = PENDING_MESSAGES,
        pending_bytes_limit: int = PENDING_BYTES,
    ) -> Subscription:
        return await super().subscribe(subject, queue, cb, future, max_msgs, pending_msgs_limit, pending_bytes_limit)  # pyright: ignore[reportUnknownMemberType] its future is untyped


def _backoff(servers: list[NatsServer], _server: dict[str, Any]) -> tuple[NatsServer, float]:
    """The server tried least, after 50 ms that double up to 2 s, with jitter."""
    server = min(servers, key=lambda s: s.reconnects)
    return server, min(2.0, 0.05 * 2 ** min(server.reconnects, 8)) * random.uniform(0.5, 1.0)


class Bus:
    """One NATS connection of a process. Use as `async with await Bus.connect(settings, name) as bus`."""

    def __init__(self, client: Client, name: str, metrics: Metrics) -> None:
        self.name = name
        self.metrics = metrics
        self._client = client
        self._inbox = ""
        self._next = 0
        self._leaving = False
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._overflows: dict[int, Callable[[], None]] = {}
        self._served: dict[str, Served] = {}
        self._refused: set[str] = set()
        self._on_reconnect: list[Callable[[], None]] = []
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
        self._encode = msgspec.json.Encoder().encode
        self._rarely = Rarely(time.monotonic)

    @classmethod
    async def connect(cls, settings: BusSettings, name: str, metrics: Metrics | None = None) -> "Bus":
        """Connects, trying for a minute; afterwards the connection is made again whenever it is lost."""
        client = _Client()
        bus = cls(client, name, metrics or Metrics(name))
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await client.connect(
                [server.strip() for server in settings.nats_url.split(",")],
                name=f"parlour-{name}-{settings.instance}", error_cb=bus._failed, disconnected_cb=bus._disconnected,
                reconnected_cb=bus._reconnected, closed_cb=bus._closed, max_reconnect_attempts=-1, reconnect_time_wait=cast(int, 0.2),
                reconnect_to_server_handler=cast(Any, _backoff), connect_timeout=2, ping_interval=10, max_outstanding_pings=2,
                inbox_prefix=inbox_prefix(settings.nats_url, name),
                pending_size=OUTBOUND_BYTES, drain_timeout=int(DRAIN_WITHIN_S), skip_subject_validation=True,
            )  # fmt: skip
            await bus._open_inbox()
        bus.metrics.bus_connected.set(1)
        return bus

    async def __aenter__(self) -> "Bus":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """Whether NATS can be reached now."""
        return self._client.is_connected

    @property
    def client(self) -> Client:
        """The nats-py client, for `nats.micro` and JetStream."""
        return self._client

    def on_reconnect(self, call: Callable[[], None]) -> None:
        """`call` runs after each reconnection: messages may have been missed."""
        self._on_reconnect.append(call)

    # sending

    async def publish(self, subject: str, payload: bytes, headers: Headers | None = None) -> None:
        """Hands a message to NATS; no promise that it arrives. `Unavailable` while disconnected."""
        if not self._client.is_connected:
            raise unavailable("NATS is not connected")
        try:
            await self._client.publish(subject, payload, headers=cast("dict[str, str] | None", headers))
        except errors.Error as error:
            raise unavailable(f"NATS did not take the message: {type(error).__name__}") from error

    async def request(self, subject: str, body: msgspec.Struct, reply_type: type[R], timeout: float = ATTEMPT_S) -> R:
        """One question, one answer. A refusal that is not a `reply_type` is raised as `Rejection`."""
        headers: dict[str, str] = {}
        tracing.inject(headers)
        answer = await self._exchange(subject, self._encode(body), headers, timeout)
        try:
            return cast(R, self._decoder(reply_type).decode(answer.data))
        except msgspec.ValidationError:
            problem = cast(Reply, self._decoder(Reply).decode(answer.data)).problem
            if problem is None:
                raise
            raise Rejection(problem) from None

    async def insist(
        self, subject: str, body: msgspec.Struct, reply_type: type[R], timeout: float, attempt: float = ATTEMPT_S
    ) -> R:
        """`request`, again and again until the time is up: one of several replicas may stand still. For what may be done twice."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        pause = 0.05
        while True:
            try:
                return await self.request(subject, body, reply_type, min(attempt, until - loop.time()))
            except Unavailable:
                if loop.time() + pause >= until:
                    raise
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(0.5, pause * 2)

    async def ask(
        self, app: int, service: str, room: str, verb: str, request: Request, timeout: float = ASK_WITHIN_S
    ) -> Reply:
        """A command to the service that owns it. Raises `Rejection` with its problem; `Unavailable` when the time is up."""
        reply = await self.insist(subjects.command(app, service, room, verb), request, Reply, timeout)
        if reply.problem is not None:
            raise Rejection(reply.problem)
        return reply

    # receiving

    async def subscribe(
        self, subject: str, handler: MessageHandler, queue: str = "", on_overflow: Callable[[], None] | None = None
    ) -> Subscription:
        """Messages in order, one at a time; returns once the server knows. `on_overflow`: some were lost, repair from the log."""

        async def receive(msg: Msg) -> None:
            tracing.adopt(msg.headers)
            try:
                await handler(address.parse(msg.subject), msg.data, msg.headers or NO_HEADERS)
            except (msgspec.DecodeError, UnicodeDecodeError, address.NotAnAddress) as error:
                self._not_understood(subject, error)
            except Exception as error:
                self.fault("subscription", error, subject=subject)

        subscription = await self._client.subscribe(subject, queue, receive)  # pyright: ignore[reportUnknownMemberType]
        if on_overflow is not None:
            self._overflows[subscription._id] = on_overflow  # pyright: ignore[reportPrivateUsage] overflow errors cite it
        await self._heard_of(subject)
        return subscription

    async def serve(
        self,
        service_name: str,
        version: str,
        endpoints: Mapping[str, Endpoint | tuple[str, Any, EndpointHandler]],
        queue: str = "",
    ) -> None:
        """Answers requests on each endpoint, sharing them with the other replicas in `queue` (the service's name if empty)."""
        from .serving import Serving  # imports nats.micro, which pure clients never need

        serving = Serving(self, queue or service_name)
        made = {name: one if isinstance(one, Endpoint) else Endpoint(*one) for name, one in endpoints.items()}
        await serving.start(service_name, version, made)
        for endpoint in endpoints.values():
            self._served[endpoint[0]] = serving
            await self._heard_of(endpoint[0])

    async def hears(self) -> bool:
        """Whether NATS answers now; a server that stands still keeps its connections open for long."""
        try:
            await self.barrier()
        except Unavailable:
            return False
        return True

    async def barrier(self) -> None:
        """Returns when the server has seen everything sent before; `flush()` does not promise that."""
        token, future = self._expect()
        try:
            if not self._client.is_connected:
                raise unavailable("NATS is not connected")
            await self._client.publish(self._inbox + token, b"")
            async with asyncio.timeout(ATTEMPT_S):
                await future
        except (TimeoutError, errors.Error) as error:
            raise unavailable("NATS did not answer") from error
        finally:
            self._waiting.pop(token, None)

    async def drain(self) -> None:
        """Takes no further requests and finishes those at work; publishing and asking still go on."""
        serving, self._served = set(self._served.values()), {}
        with contextlib.suppress(errors.Error, TimeoutError):
            await asyncio.gather(*(served.drain(DRAIN_WITHIN_S) for served in serving))

    async def close(self) -> None:
        """Drains, then leaves."""
        await self.drain()
        self._leaving = True
        self._on_reconnect.clear()
        await self._client.close()

    def fault(self, where: str, error: BaseException, **fields: Any) -> None:
        """Counts and logs an error that is ours."""
        self.metrics.faults.labels(where).inc()
        log.error("fault", where=where, error=repr(error), exc_info=error, **fields)

    # inside

    def _not_understood(self, subject: str, error: Exception) -> None:
        """Counts a message that is none of ours. Whoever may publish could send many: they cost a log line a while, and no stack."""
        self.metrics.undecodable.inc()
        if (left_out := self._rarely.admit(subject)) is not None:
            log.warning("message_undecodable", subject=subject, error=str(error)[:200], left_out=left_out)

    async def _heard_of(self, subject: str) -> None:
        """The server knows the subscription, or has refused it, which nats-py tells as an error in passing only."""
        await self.barrier()
        if subject in self._refused:
            raise PermissionError(f"this NATS user may not subscribe to {subject}")

    def _decoder(self, kind: Any) -> msgspec.json.Decoder[Any]:
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.json.Decoder(kind)
        return decoder

    async def _open_inbox(self) -> None:
        self._inbox = self._client.new_inbox() + "."
        await self._client.subscribe(self._inbox + "*", cb=self._arrived)  # pyright: ignore[reportUnknownMemberType]

    async def _arrived(self, msg: Msg) -> None:
        future = self._waiting.pop(msg.subject[len(self._inbox) :], None)
        if future is not None and not future.done():
            future.set_result(msg)

    def _expect(self) -> tuple[str, "asyncio.Future[Msg]"]:
        if len(self._waiting) >= MAX_WAITING:
            self.metrics.shed.labels("requests").inc()
            raise unavailable("too many requests wait for an answer")
        self._next += 1
        token = str(self._next)
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        return token, future

    async def _exchange(self, subject: str, payload: bytes, headers: dict[str, str], timeout: float) -> Msg:
        if not self._client.is_connected:
            raise unavailable("NATS is not connected")
        token, future = self._expect()
        expiry = asyncio.get_running_loop().call_later(max(timeout, 0.001), _expire, future)
        try:
            await self._client.publish(subject, payload, self._inbox + token, headers)
            answer = await future
        except errors.Error as error:
            raise unavailable(f"NATS did not take the request: {type(error).__name__}") from error
        finally:
            expiry.cancel()
            self._waiting.pop(token, None)
        if answer.headers and not answer.data and answer.headers.get("Status") == "503":
            raise unavailable("the service is not there")
        return answer

    async def _failed(self, error: Exception) -> None:
        if isinstance(error, errors.SlowConsumerError):
            self.metrics.shed.labels("subscription").inc()
            served = self._served.get(error.sub.subject)
            if served is not None:
                await served.overflow(error.reply)
            elif call := self._overflows.get(error.sid):
                call()
            return
        if refused := _REFUSED.search(str(error)):
            self._refused.add(refused[1])
        log.warning("bus_error", error=f"{type(error).__name__}: {error}")

    async def _disconnected(self) -> None:
        self.metrics.bus_connected.set(0)
        if not self._leaving:
            log.warning("bus_disconnected")

    async def _reconnected(self) -> None:
        self.metrics.bus_connected.set(1)
        self.metrics.bus_reconnects.inc()
        log.info("bus_reconnected")
        for call in tuple(self._on_reconnect):
            call()

    async def _closed(self) -> None:
        self.metrics.bus_connected.set(0)
        if not self._leaving:
            log.error("bus_closed", error=str(self._client.last_error))


def inbox_prefix(url: str, name: str) -> str:
    """Answers come to an inbox that no other user may read: of the user in the URL, or of the process's name where it has none."""
    user = urlsplit(url.partition(",")[0].strip()).username or name
    return f"_INBOX.{user}" if _TOKEN.fullmatch(user) else "_INBOX"


def _expire(future: "asyncio.Future[Msg]") -> None:
    if not future.done():
        future.set_exception(unavailable("no answer in time"))
