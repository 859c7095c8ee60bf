"""NATS for services: requests, publishing, subscriptions, and endpoints that stock tools list (`nats micro list`).

Handlers get `(Address, payload, headers)`. A subscription's handler runs for one message after the other; an endpoint's handlers run
concurrently, at most `MAX_IN_FLIGHT` of them, and what they raise reaches the requester as `Reply(problem=…)`.

`request` raises `Unavailable` (a `Rejection`) if nobody answers or NATS is unreachable. `ask` sends the command again with the same command
id until its timeout, since commands are idempotent. `on_overflow` tells a subscriber that it lost messages.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from nats import errors
from nats.aio.client import Client
from nats.aio.client import Server as NatsServer
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.kernel.rejection import Rejection
from parlour.runtime.retry import RetryPolicy
from parlour.runtime.settings import BusSettings
from parlour.runtime.startup import awaiting
from parlour.runtime.telemetry import tracing
from parlour.runtime.telemetry.log_throttle import LogThrottle
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

from . import address
from .address import Address
from .endpoint import NO_HEADERS, Endpoint, Headers

if TYPE_CHECKING:
    from .endpoint_server import EndpointServer

PENDING_MESSAGES = 10_000
PENDING_BYTES = 16 * 1024 * 1024
"""Per subscription; nats-py's own limits (512 k, 128 MB) would hide a stall for minutes and then cost the process's memory."""
OUTBOUND_BYTES = 8 * 1024 * 1024
MAX_PENDING_REQUESTS = 8192
"""Most requests of this process that wait for an answer."""
ATTEMPT_TIMEOUT_S = 2.0
"""How long `ask` waits before it sends the command again: longer than a commit on a slow disk."""
RECONNECT = RetryPolicy(max_s=2.0)
RETRY = RetryPolicy(max_s=0.5)
COMMAND_TIMEOUT_S = 5.0
DRAIN_TIMEOUT_S = 5.0

log = logger(__name__)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_NOT_PERMITTED = re.compile(r"permissions violation for subscription to \"([^\"]+)\"", re.IGNORECASE)
R = TypeVar("R")
MessageHandler = Callable[[Address, bytes, Headers], Awaitable[None]]


class Unavailable(Rejection):
    """Nobody answered in time: the command may or may not have been committed; the same command id again is safe."""


def unavailable(message: str) -> Unavailable:
    """Builds an `Unavailable` with the code and hint that clients get."""
    return Unavailable(Code.UNAVAILABLE, message, hint="send it again with the same command id")


def check_answer(answer: R) -> R:
    """Returns a service's answer; raises the problem that it carries as `Rejection`."""
    problem = getattr(answer, "problem", None)
    if problem is not None:
        raise Rejection.from_problem(problem)
    return answer


class _Client(Client):
    """nats-py's client with our pending limits as defaults, also for subscriptions that `nats.micro` makes."""

    async def subscribe(
        self, subject: str, queue: str = "", cb: Callable[[Msg], Awaitable[None]] | None = None,
        future: "asyncio.Future[Any] | None" = None, max_msgs: int = 0, pending_msgs_limit: int = PENDING_MESSAGES,
        pending_bytes_limit: int = PENDING_BYTES,
    ) -> Subscription:  # fmt: skip
        return await super().subscribe(subject, queue, cb, future, max_msgs, pending_msgs_limit, pending_bytes_limit)  # pyright: ignore[reportUnknownMemberType] its future is untyped


def _next_server(servers: list[NatsServer], _server: dict[str, Any]) -> tuple[NatsServer, float]:
    """Returns the server that was tried least, and the seconds to wait before it is tried."""
    server = min(servers, key=lambda s: s.reconnects)
    return server, RECONNECT.pause_s(server.reconnects + 1)


class Bus:
    """One NATS connection of a process. Use as `async with await Bus.connect(settings, name) as bus`."""

    def __init__(self, client: Client, name: str, metrics: Metrics) -> None:
        self.name = name
        self.metrics = metrics
        self._client = client
        self._inbox = ""
        self._next = 0
        self._closing = False
        self._connect_pauses: Iterator[float] | None = None
        self._replies: dict[str, asyncio.Future[Msg]] = {}
        self._on_overflow: dict[int, Callable[[], None]] = {}
        self._served: dict[str, EndpointServer] = {}
        self._not_permitted: set[str] = set()
        self._on_reconnect: list[Callable[[], None]] = []
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
        self._encode = msgspec.json.Encoder().encode
        self._log_throttle = LogThrottle(time.monotonic)

    @classmethod
    async def connect(cls, settings: BusSettings, name: str, metrics: Metrics | None = None) -> "Bus":
        """Connects, and waits up to `start_timeout_s` for a server; afterwards the client reconnects whenever the connection is lost.

        `TimeoutError` if no server lets it in.
        """
        client = _Client()
        bus = cls(client, name, metrics or Metrics(name))
        bus._connect_pauses = RECONNECT.pauses()
        with awaiting("bus"):
            try:
                async with asyncio.timeout(settings.start_timeout_s):
                    await client.connect(
                        [server.strip() for server in settings.nats_url.split(",")],
                        name=f"parlour-{name}-{settings.instance}", error_cb=bus._on_error, disconnected_cb=bus._on_disconnect,
                        reconnected_cb=bus._on_reconnected, closed_cb=bus._on_close, max_reconnect_attempts=-1,
                        reconnect_time_wait=cast(int, 0.2),
                        reconnect_to_server_handler=cast(Any, _next_server), connect_timeout=2, ping_interval=10,
                        max_outstanding_pings=2, inbox_prefix=inbox_prefix(settings.nats_url, name),
                        pending_size=OUTBOUND_BYTES, drain_timeout=int(DRAIN_TIMEOUT_S), skip_subject_validation=True,
                    )  # fmt: skip
                    await bus._open_inbox()
            except TimeoutError as error:
                last = client.last_error
                raise TimeoutError(f"no NATS within {settings.start_timeout_s:g} s: {last!r}") from error
        bus._connect_pauses = None
        bus.metrics.bus_connected.set(1)
        return bus

    async def __aenter__(self) -> "Bus":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """Whether the client has a connection; see `is_reachable` for whether the server answers."""
        return self._client.is_connected

    @property
    def client(self) -> Client:
        """The nats-py client, for `nats.micro` and JetStream."""
        return self._client

    def on_reconnect(self, call: Callable[[], None]) -> None:
        """Calls `call` after each reconnection, since messages may have been missed."""
        self._on_reconnect.append(call)

    # sending

    async def publish(self, subject: str, payload: bytes, headers: Headers | None = None) -> None:
        """Publishes a message, which may be lost; `Unavailable` while disconnected."""
        if not self._client.is_connected:
            raise unavailable("NATS is not connected")
        try:
            await self._client.publish(subject, payload, headers=cast("dict[str, str] | None", headers))
        except errors.Error as error:
            raise unavailable(f"NATS did not take the message: {type(error).__name__}") from error

    async def request(
        self, subject: str, body: msgspec.Struct, reply_type: type[R], timeout: float = ATTEMPT_TIMEOUT_S
    ) -> R:
        """Sends a request and returns its answer; a refusal that is no `reply_type` is raised as `Rejection`."""
        headers: dict[str, str] = {}
        tracing.inject(headers)
        answer = await self._exchange(subject, self._encode(body), headers, timeout)
        try:
            return cast(R, self._decoder(reply_type).decode(answer.data))
        except msgspec.ValidationError:
            problem = cast(Reply, self._decoder(Reply).decode(answer.data)).problem
            if problem is None:
                raise
            raise Rejection.from_problem(problem) from None

    async def request_with_retry(
        self,
        subject: str,
        body: msgspec.Struct,
        reply_type: type[R],
        timeout: float,
        attempt: float = ATTEMPT_TIMEOUT_S,
    ) -> R:
        """Sends an idempotent request again until `timeout`, since one of several replicas may be stalled; `Unavailable` then."""
        deadline = time.monotonic() + timeout

        async def ask() -> R:
            return await self.request(subject, body, reply_type, min(attempt, deadline - time.monotonic()))

        return await RETRY.retry(ask, Unavailable, timeout)

    async def ask(
        self, app: int, service: str, room: str, verb: str, request: Request, timeout: float = COMMAND_TIMEOUT_S
    ) -> Reply:
        """Sends a command to the service that owns it. Raises its problem as `Rejection`, and `Unavailable` at the timeout."""
        subject = subjects.command(app, service, room, verb)
        return check_answer(await self.request_with_retry(subject, request, Reply, timeout))

    # receiving

    async def subscribe(
        self, subject: str, handler: MessageHandler, queue: str = "", on_overflow: Callable[[], None] | None = None
    ) -> Subscription:
        """Handles messages in order, one at a time; returns once the server has the subscription. `on_overflow`: messages were lost."""

        async def receive(msg: Msg) -> None:
            tracing.adopt(msg.headers)
            try:
                await handler(address.parse(msg.subject), msg.data, msg.headers or NO_HEADERS)
            except (msgspec.DecodeError, UnicodeDecodeError, address.NotAnAddress) as error:
                self._count_undecodable(subject, error)
            except Exception as error:
                self.report_fault("subscription", error, subject=subject)

        subscription = await self._client.subscribe(subject, queue, receive)  # pyright: ignore[reportUnknownMemberType]
        if on_overflow is not None:
            self._on_overflow[subscription._id] = on_overflow  # pyright: ignore[reportPrivateUsage] overflow errors cite it
        await self._confirm_subscription(subject)
        return subscription

    async def serve(self, service_name: str, version: str, endpoints: Mapping[str, Endpoint], queue: str = "") -> None:
        """Answers requests on each endpoint, which NATS spreads over the replicas in `queue` (the service's name if empty)."""
        from .endpoint_server import EndpointServer  # imports nats.micro, which pure clients never need

        server = EndpointServer(self._client, self.metrics, self.report_fault, queue or service_name)
        await server.start(service_name, version, endpoints)
        for endpoint in endpoints.values():
            self._served[endpoint.subject] = server
            await self._confirm_subscription(endpoint.subject)

    async def is_reachable(self) -> bool:
        """Returns whether NATS answers now; a stalled server keeps its connections open for long."""
        try:
            await self.flush_confirmed()
        except Unavailable:
            return False
        return True

    async def flush_confirmed(self) -> None:
        """Returns when the server has processed everything sent before, which `flush()` does not guarantee."""
        token, future = self._open_reply()
        try:
            if not self._client.is_connected:
                raise unavailable("NATS is not connected")
            await self._client.publish(self._inbox + token, b"")
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                await future
        except (TimeoutError, errors.Error) as error:
            raise unavailable("NATS did not answer") from error
        finally:
            self._replies.pop(token, None)

    async def drain(self) -> None:
        """Takes no further requests and finishes those at work; publishing and requesting still work."""
        serving, self._served = set(self._served.values()), {}
        with contextlib.suppress(errors.Error, TimeoutError):
            await asyncio.gather(*(served.drain(DRAIN_TIMEOUT_S) for served in serving))

    async def close(self) -> None:
        """Drains, then closes the connection."""
        await self.drain()
        self._closing = True
        self._on_reconnect.clear()
        await self._client.close()

    def report_fault(self, where: str, error: BaseException, **fields: Any) -> None:
        """Counts and logs an error of this process."""
        self.metrics.faults.labels(where).inc()
        log.error("fault", where=where, error=repr(error), exc_info=error, **fields)

    # inside

    def _count_undecodable(self, subject: str, error: Exception) -> None:
        """Counts a message that does not decode; anybody who may publish could send many, so the log line is throttled."""
        self.metrics.undecodable.inc()
        if (left_out := self._log_throttle.admit(subject)) is not None:
            log.warning("message_undecodable", subject=subject, error=str(error)[:200], left_out=left_out)

    async def _confirm_subscription(self, subject: str) -> None:
        """Waits until the server has the subscription; `PermissionError` if it refused it, which nats-py only reports to `error_cb`."""
        await self.flush_confirmed()
        if subject in self._not_permitted:
            raise PermissionError(f"this NATS user may not subscribe to {subject}")

    def _decoder(self, kind: Any) -> msgspec.json.Decoder[Any]:
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.json.Decoder(kind)
        return decoder

    async def _open_inbox(self) -> None:
        self._inbox = self._client.new_inbox() + "."
        await self._client.subscribe(self._inbox + "*", cb=self._on_reply)  # pyright: ignore[reportUnknownMemberType]

    async def _on_reply(self, msg: Msg) -> None:
        future = self._replies.pop(msg.subject[len(self._inbox) :], None)
        if future is not None and not future.done():
            future.set_result(msg)

    def _open_reply(self) -> tuple[str, "asyncio.Future[Msg]"]:
        if len(self._replies) >= MAX_PENDING_REQUESTS:
            self.metrics.shed.labels("requests").inc()
            raise unavailable("too many requests wait for an answer")
        self._next += 1
        token = str(self._next)
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._replies[token] = future
        return token, future

    async def _exchange(self, subject: str, payload: bytes, headers: dict[str, str], timeout: float) -> Msg:
        if not self._client.is_connected:
            raise unavailable("NATS is not connected")
        token, future = self._open_reply()
        expiry = asyncio.get_running_loop().call_later(max(timeout, 0.001), _time_out, future)
        try:
            await self._client.publish(subject, payload, self._inbox + token, headers)
            answer = await future
        except errors.Error as error:
            raise unavailable(f"NATS did not take the request: {type(error).__name__}") from error
        finally:
            expiry.cancel()
            self._replies.pop(token, None)
        if answer.headers and not answer.data and answer.headers.get("Status") == "503":
            raise unavailable("the service is not there")
        return answer

    async def _on_error(self, error: Exception) -> None:
        if self._connect_pauses is not None:
            # nats-py tries the first connection again when this returns, and has no back-off of its own there
            if (left_out := self._log_throttle.admit("connect")) is not None:
                log.warning("bus_error", error=f"{type(error).__name__}: {error}", left_out=left_out)
            await asyncio.sleep(next(self._connect_pauses))
            return
        if isinstance(error, errors.SlowConsumerError):
            self.metrics.shed.labels("subscription").inc()
            served = self._served.get(error.sub.subject)
            if served is not None:
                await served.overflow(error.reply)
            elif call := self._on_overflow.get(error.sid):
                call()
            return
        if refused := _NOT_PERMITTED.search(str(error)):
            self._not_permitted.add(refused[1])
        log.warning("bus_error", error=f"{type(error).__name__}: {error}")

    async def _on_disconnect(self) -> None:
        self.metrics.bus_connected.set(0)
        if not self._closing:
            log.warning("bus_disconnected")

    async def _on_reconnected(self) -> None:
        self.metrics.bus_connected.set(1)
        self.metrics.bus_reconnects.inc()
        log.info("bus_reconnected")
        for call in tuple(self._on_reconnect):
            call()

    async def _on_close(self) -> None:
        self.metrics.bus_connected.set(0)
        if not self._closing:
            log.error("bus_closed", error=str(self._client.last_error))


def inbox_prefix(url: str, name: str) -> str:
    """Returns the prefix of an inbox that no other user may read: of the user in the URL, else of the process's name."""
    user = urlsplit(url.partition(",")[0].strip()).username or name
    return f"_INBOX.{user}" if _TOKEN.fullmatch(user) else "_INBOX"


def _time_out(future: "asyncio.Future[Msg]") -> None:
    if not future.done():
        future.set_exception(unavailable("no answer in time"))
