"""NATS's own account, by a user that may do one thing: close a connection."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import nats
from nats import errors
from nats.aio.client import Client

CUT_WITHIN_S = 1.0
INBOX = "_INBOX.system"


class Scissors:
    """`cut` tells a server to close one of its connections. The connection to NATS is made when it is first needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def cut(self, server: str, connection: int) -> None:
        """ConnectionError if the server did not answer; a connection that is gone already is fine."""
        try:
            client = await self._connected()
            subject = f"$SYS.REQ.SERVER.{server}.KICK"
            await client.request(subject, msgspec.json.encode({"cid": connection}), CUT_WITHIN_S)
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

    async def close(self) -> None:
        """Leaves."""
        if self._client is not None:
            with contextlib.suppress(errors.Error):
                await self._client.close()


async def _ignored(error: Exception) -> None:
    """The request that failed tells it."""


@asynccontextmanager
async def scissors(url: str) -> AsyncGenerator[Scissors]:
    """As long as the block runs."""
    made = Scissors(url)
    try:
        yield made
    finally:
        await made.close()
