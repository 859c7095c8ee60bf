"""The gateways' addresses and the client's token, and HTTP requests to any of the gateways, repeated while one is unavailable."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

import aiohttp

from .backoff import Backoff
from .errors import ClientClosed, RequestRefused

REQUEST_TIMEOUT_S = 30.0
RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
CONFLICT = 409
Token = str | Callable[[], str | Awaitable[str]]


def encode_room_id(room_id: str) -> str:
    """Encodes a room's id for a path: every byte but letters, digits, `_` and `-` becomes =XX."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], room_id.encode()).decode()


def page_address(url: str) -> str:
    """`ws://host/ws` → `http://host`: the address at which a gateway answers over HTTP. ValueError where it is not an address."""
    parts = _gateway_address(url)
    return urlunsplit((parts.scheme.replace("ws", "http"), parts.netloc, "", "", ""))


def socket_address(url: str) -> str:
    """`http://host` → `ws://host/ws`; other paths stay. ValueError where it is not an address."""
    parts = _gateway_address(url)
    return urlunsplit((parts.scheme.replace("http", "ws"), parts.netloc, parts.path.rstrip("/") or "/ws", "", ""))


def _gateway_address(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.netloc:
        raise ValueError(f"{url!r} is no address of a gateway; it should begin with http, https, ws or wss")
    return parts


async def read_token(token: Token) -> str:
    """Returns the token, from the function where it is one."""
    if isinstance(token, str):
        return token
    given = token()
    return await given if isawaitable(given) else given


class Diverged(Exception):
    """The position in a request is not in the room's history."""


class GatewayHttp:
    """Sends GET requests. Use as `async with`; `params` are added to every request."""

    def __init__(self, urls: Sequence[str], token: Token, params: Mapping[str, str] | None = None) -> None:
        self._gateways = [page_address(url) for url in urls]
        self._token = token
        self._params = dict(params or {})
        self._http: aiohttp.ClientSession | None = None
        self._next_gateway = 0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout_s: float | None = REQUEST_TIMEOUT_S
    ) -> Any:
        """Returns the decoded JSON of the answer.

        timeout_s: for the request with all repetitions; None repeats without end. Raises RequestRefused with the
        server's code, Diverged for a position of another history, TimeoutError.
        """
        backoff = Backoff()
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await self._request_once(path, {**self._params, **(params or {})})
                except (aiohttp.ClientError, OSError, TimeoutError, _Unavailable):
                    self._next_gateway += 1
                await asyncio.sleep(backoff.next_s())

    async def _request_once(self, path: str, params: dict[str, str]) -> Any:
        if self._http is None:
            raise ClientClosed("it is not open; use it in `async with`")
        headers = {"Authorization": f"Bearer {await read_token(self._token)}"}
        address = self._gateways[self._next_gateway % len(self._gateways)] + path
        limit = aiohttp.ClientTimeout(total=float(params.get("wait", "0")) + REQUEST_TIMEOUT_S, sock_connect=5)
        async with self._http.get(address, params=params, headers=headers, timeout=limit) as answer:
            if answer.status < 300:
                return await answer.json()
            if answer.status in RETRYABLE_STATUSES:
                raise _Unavailable
            if answer.status == CONFLICT:
                raise Diverged
            problem = await answer.json(content_type=None)
        raise RequestRefused(
            int(problem.get("code", answer.status)), str(problem.get("detail") or problem.get("title", ""))
        )


class _Unavailable(Exception):
    """A gateway answered that it can't serve the request at the moment."""
