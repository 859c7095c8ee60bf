"""Readers outside who are connected to NATS: let in by their subscription token, cut off when it is revoked.

NATS itself cuts a connection when the user that we made for it expires: with the token, or after `SESSION_MOST_S` if that is earlier; stock
clients then come again and are looked at anew. A revocation cuts at once, by whichever replica let the reader in; should that one be gone,
the session's end does. Who is kicked from a room by the server loses the tokens on their behalf that are in use here and cover it: they are
revoked, or a stock client would simply come again.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from parlour.auth.domain.outlet import PAYLOAD_MOST, SUBSCRIPTIONS_MOST, Outlet, outlet
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.signing.nats_keys import Issuer
from parlour.runtime.telemetry.logging import logger

from .subscriptions import Subscriptions

ACCOUNT = "$G"
SESSION_MOST_S = 3600
READERS_MOST = 50_000
"""Connections that this replica remembers; of more, the oldest end with their session alone."""
LOOK_AGAIN_S = 5.0
SECOND = 1_000_000

log = logger(__name__)
Cut = Callable[[str, int], Awaitable[None]]
"""(server, connection): NATS closes it. ConnectionError if NATS cannot be told now."""


class Reader(msgspec.Struct, frozen=True):
    """A connection that was let in; `until_s` is when NATS ends it."""

    who: Subscription
    server: str
    connection: int
    until_s: int


class Outlets:
    """`admit` answers NATS; `run` cuts whom a revocation meets."""

    def __init__(self, subscriptions: Subscriptions, issuer: Issuer, clock: Clock, cut: Cut | None) -> None:
        self._subscriptions = subscriptions
        self._issuer = issuer
        self._clock = clock
        self._cut = cut
        self._readers: OrderedDict[tuple[str, int], Reader] = OrderedDict()
        self._kicked: dict[tuple[int, str], str] = {}
        self._news = asyncio.Event()

    async def admit(self, token: str, user_key: str, server: str, connection: int) -> str:
        """The user that NATS makes of the connection. `Rejection` where the token does not allow it."""
        who = await self._subscriptions.admitted(token)
        allowed = outlet(who)
        now_s = self._now_s()
        until_s = min(who.expires_s, now_s + SESSION_MOST_S)
        self._readers[server, connection] = Reader(who, server, connection, until_s)
        if len(self._readers) > READERS_MOST:
            self._readers.popitem(last=False)
        return self._issuer.sign(_user(who, user_key, allowed, now_s, until_s))

    def refusal(self, user_key: str, server: str, why: str) -> str:
        """The answer no."""
        return self._answer(user_key, server, {"error": why})

    def grant(self, user_key: str, server: str, user: str) -> str:
        """The answer yes."""
        return self._answer(user_key, server, {"jwt": user})

    def changed(self) -> None:
        """Something was revoked."""
        self._news.set()

    def kicked(self, app: int, room: str, user: str, cause: str) -> None:
        """A user was put out of a room by an event (`room_uid:seq`)."""
        if not user:
            return
        for reader in self._readers.values():
            who = reader.who
            if who.user == user and who.app == app and who.covers(room):
                self._kicked[app, who.jti] = cause
                self._news.set()

    async def run(self) -> None:
        """Looks at whom it let in after each revocation and kick, and now and then in case one was not heard of."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._news.wait()
            self._news.clear()
            await self._revoke_kicked()
            for key, reader in tuple(self._readers.items()):
                if reader.until_s <= self._now_s():
                    self._readers.pop(key, None)
                elif await self._subscriptions.is_revoked(reader.who):
                    await self._end(key, reader)

    async def _revoke_kicked(self) -> None:
        for (app, jti), cause in tuple(self._kicked.items()):
            try:
                await self._subscriptions.end(app, jti, cause)
            except Rejection as refused:
                log.warning("kicked_not_revoked", app=app, code=refused.problem.code)
                if refused.problem.code == Code.UNAVAILABLE:
                    continue
            self._kicked.pop((app, jti), None)

    async def _end(self, key: tuple[str, int], reader: Reader) -> None:
        if self._cut is None:
            return
        try:
            await self._cut(reader.server, reader.connection)
        except ConnectionError as error:
            log.warning("reader_not_cut", app=reader.who.app, error=str(error))
            return
        self._readers.pop(key, None)
        log.info("reader_cut", app=reader.who.app)

    def _answer(self, user_key: str, server: str, said: dict[str, str]) -> str:
        claims = {"sub": user_key, "aud": server, "iat": self._now_s()}
        return self._issuer.sign(claims | {"nats": {"type": "authorization_response", "version": 2, **said}})

    def _now_s(self) -> int:
        return self._clock.at() // SECOND


def _user(who: Subscription, key: str, allowed: Outlet, now_s: int, until_s: int) -> dict[str, object]:
    """The claims of a NATS user of this one connection."""
    nats = {
        "type": "user", "version": 2, "subs": SUBSCRIPTIONS_MOST, "payload": PAYLOAD_MOST, "data": -1,
        "pub": {"allow": allowed.publish}, "sub": {"allow": allowed.subscribe},
    }  # fmt: skip
    return {"sub": key, "aud": ACCOUNT, "name": f"reader-{who.app}", "iat": now_s, "exp": until_s, "nats": nats}
