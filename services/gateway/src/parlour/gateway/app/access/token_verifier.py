"""Who holds a bearer token, and whether still: subscription tokens, login tokens and token04, verified by `auth`, kept for a moment.

Rules: 1. What `auth` said is believed for `KEPT_S` at most. 2. What may end a token (a revocation, a rule, a key) is heard on the bus and
forgets what was kept of its app, and every reader that is open asks again at once; so does whoever may have missed that word.
3. A token to log in with reads as its user does.
"""

import asyncio
import base64
import binascii
import hashlib
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import check_app_id
from parlour.contracts.login_tokens import TYPE
from parlour.contracts.subscriptions import OF_ONE_USER, Subscription
from parlour.gateway.app.access.apps import Apps
from parlour.gateway.app.access.token_throttle import Attempt, TokenThrottle
from parlour.gateway.app.ports import Services, decode_result
from parlour.kernel.rejection import Rejection

KEPT_S = 5.0
REFUSAL_S = 0.05
KEPT = 10_000
"""Verified tokens in memory, about 500 bytes each."""
ASKED_AT_ONCE = 256
"""Questions to `auth` under way: after a revocation all who follow ask at once."""
DIGESTS = 2_048
"""Tokens whose digest is at hand: those of readers that follow ask for each page."""
OF_A_MEMBER = ("events",)
_CHANGES = frozenset({ev.SubscriptionsRevoked.TAG, ev.SecretRotated.TAG, ev.RuleSet.TAG, ev.LoginKeyRemoved.TAG})
_SERVICE = cmd.Caller(kind="service")
_TOKENS = uuid5(NAMESPACE_URL, "urn:parlour:bearer")


class _TypeHeader(msgspec.Struct):
    typ: str = ""


class _AppClaim(msgspec.Struct):
    app: int


class TokenVerifier:
    """Verifies bearer tokens."""

    def __init__(self, services: Services, apps: Apps, throttle: TokenThrottle | None = None) -> None:
        self._throttle = throttle or TokenThrottle()
        self._services = services
        self._apps = apps
        self._kept: OrderedDict[tuple[bytes, str], tuple[float, Subscription]] = OrderedDict()
        self._watchers: dict[int, set[asyncio.Event]] = {}
        self._asking: dict[tuple[bytes, str], asyncio.Future[Subscription]] = {}
        self._at_once = asyncio.Semaphore(ASKED_AT_ONCE)
        self._doubts = 0

    async def verify(self, token: str, app: str = "", address: str = "") -> Subscription:
        """What the token allows now, or its flaw as `Rejection`. `app` names the app of a token04 where it is not the default one;
        `address` is the client's, empty where a token is looked at once more.
        """
        key = (_digest(token), app)
        at, known = self._kept.get(key, (0.0, None))
        if known is None or time.monotonic() - at >= KEPT_S:
            attempt = Attempt(token, address, app)
            known = await self._throttle.verify(attempt, lambda: self._fresh(key, token, app))
            self._kept[key] = (time.monotonic(), known)
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if known.expires_s <= time.time():
            raise Rejection.of(Code.TOKEN_EXPIRED, "the token has expired", hint="ask for a new token")
        return known

    async def allowed(self, token: str, app: str, scope: str, room: str = "", address: str = "") -> Subscription:
        """Who it is, where the token allows the scope and, if one is named, the room."""
        found = await self.verify(token, app, address)
        check_scope(found, scope)
        if room and not found.covers(room):
            raise no_room()
        return found

    def heard(self, view: EventView) -> None:
        """An event of an app's own log."""
        if view.type not in _CHANGES:
            return
        self._doubts += 1
        self._asking.clear()
        for key in [key for key, (_, known) in self._kept.items() if known.app == view.app]:
            del self._kept[key]
        for watcher in self._watchers.get(view.app, ()):
            watcher.set()

    def doubt(self) -> None:
        """Such an event may have been missed."""
        self._doubts += 1
        self._asking.clear()
        self._kept.clear()
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.set()

    @contextmanager
    def watching(self, app: int, changed: asyncio.Event) -> Generator[None]:
        """While the block runs, `changed` is set whenever the app's tokens may have ended."""
        watchers = self._watchers.setdefault(app, set())
        watchers.add(changed)
        try:
            yield
        finally:
            watchers.discard(changed)
            if not watchers:
                self._watchers.pop(app, None)

    async def _fresh(self, key: tuple[bytes, str], token: str, app: str) -> Subscription:
        """What `auth` says now, asked once for all who want to know. An answer that was on its way while a revocation was heard of may
        be older than that, and is asked for again.
        """
        while True:
            doubts = self._doubts
            asking = self._asking.get(key)
            if asking is None:
                asking = self._asking[key] = asyncio.ensure_future(self._paced(token, app))
                asking.add_done_callback(lambda done: self._answered(key, done))
            found = await asyncio.shield(asking)
            if doubts == self._doubts:
                return found

    async def _paced(self, token: str, app: str) -> Subscription:
        async with self._at_once:
            return await self._asked(token, app)

    def _answered(self, key: tuple[bytes, str], done: "asyncio.Future[Subscription]") -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if not done.cancelled():
            done.exception()  # whoever still waits raises it

    async def _asked(self, token: str, app: str) -> Subscription:
        if token.startswith("04"):
            return await self._member(token, await self._apps.meant(app))
        if is_login_token(token):
            return await self._member(token, app_of(token))
        body = cmd.VerifySubscription(token)
        reply = await self._services.ask(app_of(token), "", cmd.Request(str(uuid4()), _SERVICE, body))
        return decode_result(reply, Subscription)

    async def _member(self, token: str, app: int) -> Subscription:
        request = cmd.Request(str(uuid5(_TOKENS, token)), _SERVICE, cmd.VerifyToken(token))
        checked = decode_result(await self._services.ask(app, "", request), cmd.TokenChecked)
        return Subscription(app, OF_A_MEMBER, checked.expires_s, "", checked.room or None, checked.user_id)


@lru_cache(DIGESTS)
def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


async def evened_out(began: float) -> None:
    """A refusal takes `REFUSAL_S` from `began` (monotonic seconds) at least: its time does not tell whether there is such a room."""
    await asyncio.sleep(max(0.0, began + REFUSAL_S - time.monotonic()))


def check_scope(who: Subscription, scope: str) -> None:
    """`Rejection` where the token does not allow it."""
    if not who.allows(scope):
        raise Rejection.of(
            Code.FORBIDDEN, f"the token does not allow {scope}", field="scopes", hint=f"it needs the scope {scope}"
        )
    if who.user is not None and scope not in OF_ONE_USER:
        raise Rejection.of(
            Code.FORBIDDEN, f"a token on behalf of one user does not allow {scope}", field="user",
            hint="this scope is about the whole app: ask for a token without user",
        )  # fmt: skip


def no_room() -> Rejection:
    """The one answer for a room that does not exist and for one that is somebody else's."""
    return Rejection.of(Code.FORBIDDEN, "there is no such room for this token", field="room")


def is_login_token(token: str) -> bool:
    """Whether a JWT says of itself that it is a login token; its signature is checked by `auth`."""
    part = token.partition(".")[0]
    try:
        header = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return msgspec.json.decode(header, type=_TypeHeader).typ == TYPE
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return False


def app_of(token: str) -> int:
    """The app that a signed token names, not yet verified: it says whom to ask."""
    parts = token.split(".")
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return check_app_id(msgspec.json.decode(payload, type=_AppClaim).app)
    except (IndexError, ValueError, binascii.Error, msgspec.DecodeError):
        raise Rejection.of(
            Code.TOKEN_FORMAT, "the bearer token is neither a subscription token nor a token04",
            field="Authorization", hint="parlour token --subscribe",
        ) from None  # fmt: skip
