"""Requests to endpoints: no redirects, no proxies, no address that is not allowed, a bounded time and a bounded answer.

The resolver gives aiohttp only addresses that were just checked, and aiohttp connects to one of those: a name that changes its mind between
check and connection gains nothing. A name of which one address is refused is refused whole. No cookie is kept: what one endpoint sets is
nobody else's, even on the same host.
"""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace

import msgspec
from aiohttp import (
    ClientError,
    ClientOSError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    TraceConfig,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from parlour.record.domain.webhooks.addresses import Network, refusal
from parlour.record.domain.webhooks.attempts import REFUSED, Answer, retry_after
from parlour.record.domain.webhooks.endpoint import URL_CHARACTERS

CONNECTIONS = 256
ANSWER_BYTES = 16 * 1024
"""Read and dropped, so that the connection can be used again; of a longer answer the connection is closed."""
BODY_WITHIN_S = 0.5
"""How long a body is waited for: the status says all, so a body that stays open costs its connection and no more."""
ERROR_CHARACTERS = 200
RESOLVE_WITHIN_S = 5.0
USER_AGENT = "Parlour-Webhooks/1"
SCHEMES = ("https", "http")


class ForbiddenAddress(OSError):
    """The endpoint's address is not one that this server may talk to."""


class CheckedResolver(AbstractResolver):
    """The system's resolver with every answer checked for connections of one scheme."""

    def __init__(self, scheme: str, allowed: Sequence[Network]) -> None:
        self._scheme = scheme
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses that may be connected to. `Forbidden` if one of the name's may not; OSError if there are none."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(RESOLVE_WITHIN_S):
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [(kind, str(address[0])) for kind, _, _, _, address in found]
        for _, address in addresses:
            self.check(address)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=flags)
            for kind, address in addresses
        ]

    def check(self, address: str) -> None:
        """`Forbidden` for an address that may not be connected to."""
        if why := refusal(address, self._scheme, self._allowed):
            raise ForbiddenAddress(f"the address {why}")

    async def close(self) -> None:
        """Nothing is open."""


class SchemeSessions(msgspec.Struct, frozen=True):
    """Connections of one scheme: `pooled` uses them again, `single` makes one for each request."""

    pooled: ClientSession
    single: ClientSession
    resolver: CheckedResolver


class WebhookSender:
    """`post` is one attempt; `why_not` looks at a URL before anybody sends to it."""

    def __init__(self, sessions: Mapping[str, SchemeSessions]) -> None:
        self._sessions = sessions

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the endpoint says; what goes wrong on the way is an answer too."""
        began = time.monotonic()
        try:
            status, named = await self._exchange(URL(url), headers, body)
            error = "" if 200 <= status < 300 else f"{REFUSED}{status}"
        except TimeoutError:
            status, named, error = 0, None, "no answer in time"
        except (ClientError, OSError, ValueError) as failure:
            status, named, error = 0, None, _short(failure)
        return Answer(status, error, named, round((time.monotonic() - began) * 1000))

    async def _exchange(self, url: URL, headers: Mapping[str, str], body: bytes) -> tuple[int, float | None]:
        """Status and Retry-After. An event whose connection was used before and is closed by now is sent once more at once."""
        sessions = self._sessions[url.scheme]
        _check_literal(url, sessions.resolver)
        connection = SimpleNamespace(reused=False)
        try:
            return await _request(sessions.pooled, url, headers, body, connection)
        except (ServerDisconnectedError, ClientOSError):
            if not connection.reused:
                raise
        return await _request(sessions.single, url, headers, body, connection)

    async def why_not(self, text: str) -> str:
        """Why this is no address for an endpoint; empty where it is. A name that resolves to nothing yet is let pass."""
        try:
            url = URL(text)
        except ValueError:
            return "is not a URL"
        if len(text) > URL_CHARACTERS:
            return f"is longer than {URL_CHARACTERS} characters"
        if url.scheme not in SCHEMES or not url.host or url.port in (None, 0):
            return "is not an http or https URL"
        if url.user is not None or url.password is not None or url.fragment:
            return "holds credentials or a fragment, which are not sent"
        resolver = self._sessions[url.scheme].resolver
        try:
            _check_literal(url, resolver)
            await resolver.resolve(url.host, url.port or 0)
        except ForbiddenAddress as why:
            return str(why).removeprefix("the address ")
        except (OSError, UnicodeError):
            return ""
        return ""


@asynccontextmanager
async def sending(allowed: Sequence[Network], timeout_s: float) -> AsyncGenerator[WebhookSender]:
    """A sender as long as the block runs."""
    async with AsyncExitStack() as stack:
        sessions: dict[str, SchemeSessions] = {}
        for scheme in SCHEMES:
            resolver = CheckedResolver(scheme, allowed)
            pooled = await stack.enter_async_context(_session(resolver, timeout_s, once=False))
            single = await stack.enter_async_context(_session(resolver, timeout_s, once=True))
            sessions[scheme] = SchemeSessions(pooled, single, resolver)
        yield WebhookSender(sessions)


def _session(resolver: CheckedResolver, timeout_s: float, *, once: bool) -> ClientSession:
    """A session whose connections are used `once`, or again."""
    connector = TCPConnector(limit=CONNECTIONS, use_dns_cache=False, resolver=resolver, force_close=once)
    return ClientSession(
        connector=connector, timeout=ClientTimeout(total=timeout_s), trust_env=False, auto_decompress=False,
        headers={"user-agent": USER_AGENT}, cookie_jar=DummyCookieJar(), trace_configs=[_reuse_noted()],
    )  # fmt: skip


def _reuse_noted() -> TraceConfig:
    """Sets `reused` of a request's `trace_request_ctx` when its connection was used before."""

    async def reused(session: ClientSession, context: SimpleNamespace, _: object) -> None:
        context.trace_request_ctx.reused = True

    trace = TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    return trace


async def _request(
    session: ClientSession, url: URL, headers: Mapping[str, str], body: bytes, connection: SimpleNamespace
) -> tuple[int, float | None]:
    request = session.post(url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=connection)
    async with request as response:
        await _drop_body(response)
        return response.status, retry_after(response.headers.get("retry-after", ""), time.time())


async def _drop_body(response: ClientResponse) -> None:
    """Reads what is read of an answer; what goes wrong with its body does not unsay its status."""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            await response.content.read(ANSWER_BYTES)
    except (TimeoutError, ClientError, OSError):
        response.close()


def _check_literal(url: URL, resolver: CheckedResolver) -> None:
    """An address in the URL itself: aiohttp asks no resolver about those, nor about what only looks like one (`127.1`)."""
    host = url.host or ""
    if ":" in host or host.replace(".", "").isdigit():
        resolver.check(host)


def _short(failure: Exception) -> str:
    """What went wrong, without the URL, which may hold what is nobody's business."""
    cause = failure.__cause__ if isinstance(failure.__cause__, ForbiddenAddress) else failure
    if isinstance(cause, ForbiddenAddress):
        return str(cause)
    text = getattr(failure, "strerror", None) or type(failure).__name__
    return f"{type(failure).__name__}: {text}"[:ERROR_CHARACTERS]
