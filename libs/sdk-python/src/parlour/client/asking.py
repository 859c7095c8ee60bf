"""Questions over HTTP: to any of the gateways, again while the answer is "not now"."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from .backoff import Backoff
from .errors import Closed, Refused

ANSWER_WITHIN_S = 30.0
PASSING = frozenset({408, 429, 500, 502, 503, 504})
CONFLICT = 409
Token = str | Callable[[], str | Awaitable[str]]


def encoded(room_id: str) -> str:
    """A room's id as it stands in a path: every byte but letters, digits, `_` and `-` is =XX."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], room_id.encode()).decode()


def page_address(url: str) -> str:
    """`ws://host/ws` → `http://host`: where a gateway answers over HTTP. ValueError for what is no address."""
    parts = urlsplit(url)
    schemes = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
    if parts.scheme not in schemes or not parts.netloc:
        raise ValueError(f"{url!r} is no address of a gateway; it should begin with http, https, ws or wss")
    return urlunsplit((schemes[parts.scheme], parts.netloc, "", "", ""))


class Diverged(Exception):
    """The position asked about is not in the room's history."""


class Asking:
    """Use as `async with`. `params` go with every question."""

    def __init__(self, urls: Sequence[str], token: Token, params: Mapping[str, str] | None = None) -> None:
        self._gateways = [page_address(url) for url in urls]
        self._token = token
        self._params = dict(params or {})
        self._http: aiohttp.ClientSession | None = None
        self._turn = 0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, within_s: float | None = ANSWER_WITHIN_S
    ) -> Any:
        """The answer's JSON. Refused with the server's code; Diverged for a position of another history; TimeoutError.

        within_s: for the whole question, with its repetitions; None asks for ever.
        """
        backoff = Backoff()
        async with asyncio.timeout(within_s):
            while True:
                try:
                    return await self._once(path, {**self._params, **(params or {})})
                except (aiohttp.ClientError, OSError, TimeoutError, _NotNow):
                    self._turn += 1
                await asyncio.sleep(backoff.next_s())

    async def _once(self, path: str, params: dict[str, str]) -> Any:
        if self._http is None:
            raise Closed("it is not open; use it in `async with`")
        headers = {"Authorization": f"Bearer {await self._fresh()}"}
        address = self._gateways[self._turn % len(self._gateways)] + path
        limit = aiohttp.ClientTimeout(total=float(params.get("wait", "0")) + ANSWER_WITHIN_S, sock_connect=5)
        async with self._http.get(address, params=params, headers=headers, timeout=limit) as answer:
            if answer.status < 300:
                return await answer.json()
            if answer.status in PASSING:
                raise _NotNow
            if answer.status == CONFLICT:
                raise Diverged
            problem = await answer.json(content_type=None)
        raise Refused(int(problem.get("code", answer.status)), str(problem.get("detail") or problem.get("title", "")))

    async def _fresh(self) -> str:
        if isinstance(self._token, str):
            return self._token
        given = self._token()
        return await given if isawaitable(given) else given


class _NotNow(Exception):
    """The gateway can't answer at the moment."""
