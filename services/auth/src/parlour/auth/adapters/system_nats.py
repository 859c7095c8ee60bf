"""NATS's system account, by a user that may do two things: list a server's connections, and close one."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
import nats
from nats import errors
from nats.aio.client import Client

ANSWER_TIMEOUT_S = 1.0
INBOX = "_INBOX.system"
CONNECTIONS_PER_PAGE = 1_000
"""Connections in one answer, about 600 bytes each."""


class _Connection(msgspec.Struct):
    cid: int
    subscriptions: int


class _Page(msgspec.Struct):
    connections: list[_Connection]


class _Answer(msgspec.Struct):
    data: _Page


_answer = msgspec.json.Decoder(_Answer)


class NatsSystemAccount:
    """See `SystemAccount`. The connection to NATS is made when it is first needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def close(self, server: str, connection: int) -> None:
        """ConnectionError if the server did not answer; a connection that is gone already is fine."""
        await self._ask(server, "KICK", {"cid": connection})

    async def list_subscriptions(self, server: str, least: int = 0) -> Mapping[int, int]:
        """See `SystemAccount`. Pages come sorted by subscriptions, so that reading stops at the first connection below `least`."""
        found: dict[int, int] = {}
        offset = 0
        while True:
            question = {"sort": "subs", "limit": CONNECTIONS_PER_PAGE, "offset": offset}
            try:
                page = _answer.decode(await self._ask(server, "CONNZ", question)).data.connections
            except msgspec.DecodeError as error:
                raise ConnectionError(f"NATS's own account: {error}") from error
            found |= {one.cid: one.subscriptions for one in page if one.subscriptions >= least}
            offset += len(page)
            if len(page) < CONNECTIONS_PER_PAGE or page[-1].subscriptions < least:
                return found

    async def _ask(self, server: str, what: str, question: dict[str, Any]) -> bytes:
        try:
            client = await self._connected()
            subject = f"$SYS.REQ.SERVER.{server}.{what}"
            return (await client.request(subject, msgspec.json.encode(question), ANSWER_TIMEOUT_S)).data
        except (OSError, TimeoutError, errors.Error) as error:
            raise ConnectionError(f"NATS's own account: {type(error).__name__}") from error

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                self._client = await nats.connect(  # pyright: ignore[reportUnknownMemberType] its options are untyped
                    self._url.split(","), name="parlour-auth-system", inbox_prefix=INBOX, connect_timeout=2,
                    max_reconnect_attempts=-1, error_cb=_ignored,
                )  # fmt: skip
            return self._client

    async def aclose(self) -> None:
        """Closes our own connection to the system account."""
        if self._client is not None:
            with contextlib.suppress(errors.Error):
                await self._client.close()


async def _ignored(error: Exception) -> None:
    """The request that failed raises it."""
