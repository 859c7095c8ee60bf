"""Readers outside who are connected to NATS: let in by their subscription token, cut off when it is revoked.

NATS itself cuts a connection when the user that we made for it expires: with the token, or after `SESSION_MOST_S` if that is earlier; stock
clients then come again and are looked at anew. A revocation cuts at once, by whichever replica let the reader in; should that one be gone,
the session's end does. Who is kicked from a room by the server loses the tokens on their behalf that are in use here and cover it: they are
revoked, or a stock client would simply come again. Limits are those of `reader_connections`, kept where NATS's own account can be asked.
"""

import asyncio
import contextlib
from collections.abc import Mapping

from parlour.auth.domain.outlet import Outlet, outlet
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import NATS_PAYLOAD_MOST, Subscription
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.signing.nats_keys import Issuer
from parlour.runtime.telemetry.logging import logger

from .reader_connections import Key, Reader, ReaderConnections, ReaderLimits, SystemAccount
from .subscriptions import Subscriptions

ACCOUNT = "$G"
SESSION_MOST_S = 3600
LOOK_AGAIN_S = 5.0
LIST_AGAIN_S = 1
"""Between two comparisons with the servers' lists, since NATS asks about one connection after the other and all others wait meanwhile."""
SECOND = 1_000_000

log = logger(__name__)


class Outlets:
    """`admit` answers NATS; `run` closes the connections of revoked tokens, and those with too many subscriptions."""

    def __init__(
        self, subscriptions: Subscriptions, issuer: Issuer, clock: Clock, account: SystemAccount | None,
        limits: ReaderLimits,
    ) -> None:  # fmt: skip
        self._subscriptions = subscriptions
        self._issuer = issuer
        self._clock = clock
        self._account = account
        self._limits = limits
        self._readers = ReaderConnections(limits)
        self._listed_s = 0
        self._kicked: dict[tuple[int, str], str] = {}
        self._news = asyncio.Event()

    async def admit(self, token: str, user_key: str, server: str, connection: int) -> str:
        """The user that NATS makes of the connection. `Rejection` where the token does not allow it."""
        who = await self._subscriptions.admitted(token)
        allowed = outlet(who)
        now_s = self._now_s()
        until_s = min(who.expires_s, now_s + SESSION_MOST_S)
        await self._check_limits(who, now_s)
        self._readers.add(Key(server, connection), Reader(who, until_s))
        return self._issuer.sign(self._user(who, user_key, allowed, now_s, until_s))

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
        for _, reader in self._readers:
            who = reader.who
            if who.user == user and who.app == app and who.covers(room):
                self._kicked[app, who.jti] = cause
                self._news.set()

    async def run(self) -> None:
        """Looks at whom it let in after each revocation and kick, and now and then in case one was not heard of. Looks as often at how
        many subscriptions they have.
        """
        looked_s = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._news.wait()
            self._news.clear()
            await self._revoke_kicked()
            for key, reader in self._readers:
                if reader.until_s <= self._now_s():
                    self._readers.remove(key)
                elif await self._subscriptions.is_revoked(reader.who) and await self._close(key, reader):
                    log.info("reader_cut", app=reader.who.app)
            if self._now_s() - looked_s >= LOOK_AGAIN_S:
                looked_s = self._now_s()
                await self._close_overloaded()

    async def _revoke_kicked(self) -> None:
        for (app, jti), cause in tuple(self._kicked.items()):
            try:
                await self._subscriptions.end(app, jti, cause)
            except Rejection as refused:
                log.warning("kicked_not_revoked", app=app, code=refused.problem.code)
                if refused.problem.code == Code.UNAVAILABLE:
                    continue
            self._kicked.pop((app, jti), None)

    async def _check_limits(self, who: Subscription, now_s: int) -> None:
        """`Rejection` where a limit is reached by connections that NATS says are open."""
        self._readers.check_blocked(who, now_s)
        try:
            self._readers.check_number(who)
        except Rejection:
            if self._account is None:
                return
            if now_s - self._listed_s >= LIST_AGAIN_S:
                self._listed_s = now_s
                await self._compare(self._account)
            self._readers.check_number(who)

    async def _compare(self, account: SystemAccount) -> None:
        for server in self._readers.servers:
            keys = self._readers.keys_of(server)
            listed: Mapping[int, int] = {}
            with contextlib.suppress(ConnectionError):  # a server that is gone has no connections
                listed = await account.list_subscriptions(server)
            self._readers.compare(keys, listed)

    async def _close_overloaded(self) -> None:
        if self._account is None:
            return
        for server in self._readers.servers:
            try:
                listed = await self._account.list_subscriptions(server, self._limits.subscriptions + 1)
            except ConnectionError:
                continue  # it is asked again; what it has is closed then
            for key, reader in self._readers.overloaded(server, listed):
                self._readers.block(reader.who, self._now_s())
                if await self._close(key, reader):
                    n, most = listed[key.connection], self._limits.subscriptions
                    log.info("reader_over_limit", app=reader.who.app, subscriptions=n, limit=most)

    async def _close(self, key: Key, reader: Reader) -> bool:
        """Whether NATS was told to close the connection."""
        if self._account is None:
            return False
        try:
            await self._account.close(key.server, key.connection)
        except ConnectionError as error:
            log.warning("reader_not_cut", app=reader.who.app, error=str(error))
            return False
        self._readers.remove(key)
        return True

    def _answer(self, user_key: str, server: str, said: dict[str, str]) -> str:
        claims = {"sub": user_key, "aud": server, "iat": self._now_s()}
        return self._issuer.sign(claims | {"nats": {"type": "authorization_response", "version": 2, **said}})

    def _user(self, who: Subscription, key: str, allowed: Outlet, now_s: int, until_s: int) -> dict[str, object]:
        """The claims of a NATS user of this one connection. NATS looks at `subs` and `payload` in its operator mode alone."""
        nats = {
            "type": "user", "version": 2, "subs": self._limits.subscriptions, "payload": NATS_PAYLOAD_MOST, "data": -1,
            "pub": {"allow": allowed.publish}, "sub": {"allow": allowed.subscribe},
        }  # fmt: skip
        return {"sub": key, "aud": ACCOUNT, "name": f"reader-{who.app}", "iat": now_s, "exp": until_s, "nats": nats}

    def _now_s(self) -> int:
        return self._clock.at() // SECOND
