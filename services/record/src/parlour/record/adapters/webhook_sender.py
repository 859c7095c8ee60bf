"""HTTP requests to webhook endpoints: no redirects, no proxies, only allowed addresses, a bounded time and a bounded answer.

The resolver gives aiohttp only addresses that were just checked, and aiohttp connects to one of those: a name that changes its mind between
check and connection gains nothing. A name of which one address is refused is refused whole. Cookies are dropped: what one endpoint sets
must not reach another on the same host.
"""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from parlour.record.domain.webhooks.addresses import Network, refusal
from parlour.record.domain.webhooks.attempts import REFUSED, Answer, parse_retry_after
from parlour.record.domain.webhooks.endpoint import LONGEST_URL

CONNECTIONS = 256
ANSWER_BYTES = 16 * 1024
"""Bytes of a body that are read and dropped, so that the connection can be used again; it is closed behind a longer one."""
BODY_TIMEOUT_S = 0.5
"""Longest wait for a body: the status says all, so a body that stays open costs its connection and no more."""
ERROR_CHARACTERS = 200
RESOLVE_TIMEOUT_S = 5.0
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
        """Returns the name's addresses. `ForbiddenAddress` if one of them may not be connected to; OSError if there are none."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
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
        """Raises `ForbiddenAddress` for an address that may not be connected to."""
        if why := refusal(address, self._scheme, self._allowed):
            raise ForbiddenAddress(f"the address {why}")

    async def close(self) -> None:
        """Does nothing, since the resolver holds nothing open."""


class SchemeSessions(msgspec.Struct, frozen=True):
    """Connections of one scheme: `pooled` uses them again, `single_use` makes one for each request."""

    pooled: aiohttp.ClientSession
    single_use: aiohttp.ClientSession
    resolver: CheckedResolver


class WebhookSender:
    """Sends webhooks; made by `open_sender`."""

    def __init__(self, sessions: Mapping[str, SchemeSessions]) -> None:
        self._sessions = sessions

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends one request and returns the answer; a failure on the way is an answer with status 0."""
        began = time.monotonic()
        try:
            status, named = await self._exchange(URL(url), headers, body)
            error = "" if 200 <= status < 300 else f"{REFUSED}{status}"
        except TimeoutError:
            status, named, error = 0, None, "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            status, named, error = 0, None, _describe(failure)
        return Answer(status, error, named, round((time.monotonic() - began) * 1000))

    async def _exchange(self, url: URL, headers: Mapping[str, str], body: bytes) -> tuple[int, float | None]:
        """Returns status and Retry-After. Sends again at once if a connection that was used before turns out closed."""
        sessions = self._sessions[url.scheme]
        _check_literal(url, sessions.resolver)
        connection = SimpleNamespace(reused=False)
        try:
            return await _request(sessions.pooled, url, headers, body, connection)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not connection.reused:
                raise
        return await _request(sessions.single_use, url, headers, body, connection)

    async def find_url_problem(self, text: str) -> str:
        """Returns why this URL may not be an endpoint's, or an empty text. A name that does not resolve yet is allowed."""
        try:
            url = URL(text)
        except ValueError:
            return "is not a URL"
        if len(text) > LONGEST_URL:
            return f"is longer than {LONGEST_URL} characters"
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
async def open_sender(allowed: Sequence[Network], timeout_s: float) -> AsyncGenerator[WebhookSender]:
    """Yields a sender whose connections close with the block."""
    async with AsyncExitStack() as stack:
        sessions: dict[str, SchemeSessions] = {}
        for scheme in SCHEMES:
            resolver = CheckedResolver(scheme, allowed)
            pooled = await stack.enter_async_context(_session(resolver, timeout_s, once=False))
            single = await stack.enter_async_context(_session(resolver, timeout_s, once=True))
            sessions[scheme] = SchemeSessions(pooled, single, resolver)
        yield WebhookSender(sessions)


def _session(resolver: CheckedResolver, timeout_s: float, *, once: bool) -> aiohttp.ClientSession:
    """Returns a session that uses each connection `once`, or again."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, use_dns_cache=False, resolver=resolver, force_close=once)
    return aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=timeout_s), trust_env=False, auto_decompress=False,
        headers={"user-agent": USER_AGENT}, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[_trace_reuse()],
    )  # fmt: skip


def _trace_reuse() -> aiohttp.TraceConfig:
    """Sets `reused` of a request's `trace_request_ctx` when its connection was used before."""

    async def reused(session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
        context.trace_request_ctx.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    return trace


async def _request(
    session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str], body: bytes, connection: SimpleNamespace
) -> tuple[int, float | None]:
    request = session.post(url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=connection)
    async with request as response:
        await _drop_body(response)
        return response.status, parse_retry_after(response.headers.get("retry-after", ""), time.time())


async def _drop_body(response: aiohttp.ClientResponse) -> None:
    """Reads and drops the first bytes of a body; errors there don't change what the status says."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            await response.content.read(ANSWER_BYTES)
    except (TimeoutError, aiohttp.ClientError, OSError):
        response.close()


def _check_literal(url: URL, resolver: CheckedResolver) -> None:
    """Checks an address in the URL itself, or what only looks like one (`127.1`): aiohttp asks no resolver about those."""
    host = url.host or ""
    if ":" in host or host.replace(".", "").isdigit():
        resolver.check(host)


def _describe(failure: Exception) -> str:
    """Returns what went wrong, without the URL, which may hold secrets."""
    cause = failure.__cause__ if isinstance(failure.__cause__, ForbiddenAddress) else failure
    if isinstance(cause, ForbiddenAddress):
        return str(cause)
    text = getattr(failure, "strerror", None) or type(failure).__name__
    return f"{type(failure).__name__}: {text}"[:ERROR_CHARACTERS]
