"""Admits outside readers to NATS by their subscription token, and disconnects them when it is revoked.

NATS itself ends a connection when the user that we made for it expires: with the token, or after `SESSION_MOST_S` if that is earlier; stock
clients then connect again and are checked anew. A revocation ends it at once, by the replica that admitted the reader; if that one is gone,
the session's end does. When the server kicks a user from a room, the tokens on their behalf that are in use here and cover it are revoked,
since a stock client would simply connect again. The limits of `reader_connections` apply where NATS's system account can be asked.
"""

import asyncio
import contextlib
from collections.abc import Mapping

from parlour.auth.domain.nats_grant import NatsGrant, grant_for
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import NATS_PAYLOAD_MOST, Subscription
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.retry import wait_at_most
from parlour.runtime.signing.nats_keys import Issuer
from parlour.runtime.telemetry.logging import logger

from .reader_connections import ConnectionKey, NatsReader, NatsReaderLimits, ReaderConnections, SystemAccount
from .subscription_token_handler import SubscriptionTokenHandler

ACCOUNT = "$G"
SESSION_MOST_S = 3600
CHECK_INTERVAL_S = 5.0
COMPARE_INTERVAL_S = 1
"""Between two comparisons with the servers' lists, since NATS asks about one connection after the other and all others wait meanwhile."""
SECOND_US = 1_000_000

log = logger(__name__)


class NatsReaderSessions:
    """The NATS sessions of readers that this process admitted. `account` None: revoked readers stay until their session ends."""

    def __init__(
        self, tokens: SubscriptionTokenHandler, issuer: Issuer, clock: Clock, account: SystemAccount | None,
        limits: NatsReaderLimits,
    ) -> None:  # fmt: skip
        self._tokens = tokens
        self._issuer = issuer
        self._clock = clock
        self._account = account
        self._limits = limits
        self._readers = ReaderConnections(limits)
        self._compared_at_s = 0
        self._kicked: dict[tuple[int, str], str] = {}
        self._changed = asyncio.Event()

    async def admit(self, token: str, user_key: str, server: str, connection: int) -> str:
        """The signed NATS user of a connection that asks to be let in. `Rejection` where its token does not allow it."""
        who = await self._tokens.verify_for_nats(token)
        grant = grant_for(who)
        now_s = self._now_s()
        until_s = min(who.expires_s, now_s + SESSION_MOST_S)
        await self._check_limits(who, now_s)
        self._readers.add(ConnectionKey(server, connection), NatsReader(who, until_s))
        return self._issuer.sign(self._user(who, user_key, grant, now_s, until_s))

    def answer(self, user_key: str, server: str, **said: str) -> str:
        """The signed answer to NATS that admits a connection as the user `jwt`, or refuses it for the reason `error`."""
        claims = {"sub": user_key, "aud": server, "iat": self._now_s()}
        return self._issuer.sign(claims | {"nats": {"type": "authorization_response", "version": 2, **said}})

    def handle_revocation(self) -> None:
        """Tokens of some app were revoked: `run` checks the readers now."""
        self._changed.set()

    def handle_kick(self, app: int, room: str, user: str, cause: str) -> None:
        """The server kicked a user from a room, by the event `cause` (`room_uid:seq`): `run` revokes the tokens that they use here."""
        if not user:
            return
        for _, reader in self._readers:
            who = reader.who
            if who.user == user and who.app == app and who.covers(room):
                self._kicked[app, who.jti] = cause
                self._changed.set()

    async def run(self) -> None:
        """Disconnects readers until cancelled: after each revocation and kick, and every few seconds in case one was missed. As often it
        disconnects those with too many subscriptions.
        """
        checked_at_s = 0
        while True:
            await wait_at_most(self._changed, CHECK_INTERVAL_S)
            self._changed.clear()
            await self._revoke_kicked()
            for key, reader in self._readers:
                if reader.until_s <= self._now_s():
                    self._readers.remove(key)
                elif await self._tokens.is_revoked(reader.who) and await self._close(key, reader):
                    log.info("reader_disconnected", app=reader.who.app)
            if self._now_s() - checked_at_s >= CHECK_INTERVAL_S:
                checked_at_s = self._now_s()
                await self._close_overloaded()

    async def _revoke_kicked(self) -> None:
        for (app, jti), cause in tuple(self._kicked.items()):
            try:
                await self._tokens.revoke_because(app, jti, cause)
            except Rejection as refused:
                log.warning("kicked_reader_not_revoked", app=app, code=refused.problem.code)
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
            if now_s - self._compared_at_s >= COMPARE_INTERVAL_S:
                self._compared_at_s = now_s
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
            for key, reader in self._readers.find_overloaded(server, listed):
                self._readers.block(reader.who, self._now_s())
                if await self._close(key, reader):
                    n, most = listed[key.connection], self._limits.subscriptions
                    log.info("reader_over_limit", app=reader.who.app, subscriptions=n, limit=most)

    async def _close(self, key: ConnectionKey, reader: NatsReader) -> bool:
        """Closes a reader's connection; returns whether NATS could be asked to."""
        if self._account is None:
            return False
        try:
            await self._account.close(key.server, key.connection)
        except ConnectionError as error:
            log.warning("reader_not_disconnected", app=reader.who.app, error=str(error))
            return False
        self._readers.remove(key)
        return True

    def _user(self, who: Subscription, key: str, grant: NatsGrant, now_s: int, until_s: int) -> dict[str, object]:
        """The claims of a NATS user for this one connection. NATS enforces `subs` and `payload` in its operator mode only."""
        nats = {
            "type": "user", "version": 2, "subs": self._limits.subscriptions, "payload": NATS_PAYLOAD_MOST, "data": -1,
            "pub": {"allow": grant.publish}, "sub": {"allow": grant.subscribe},
        }  # fmt: skip
        return {"sub": key, "aud": ACCOUNT, "name": f"reader-{who.app}", "iat": now_s, "exp": until_s, "nats": nats}

    def _now_s(self) -> int:
        return self._clock.at() // SECOND_US
