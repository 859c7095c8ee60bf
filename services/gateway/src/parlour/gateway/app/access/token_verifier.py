"""Verifies bearer tokens (subscription tokens, login tokens and token04) by `auth`, caches what they allow, and checks scopes and rooms;
and asks `auth` about apps.

Rules: 1. What `auth` said is believed for `VERIFIED_FOR_S` at most. 2. What may end a token (a revocation, a rule, a key) comes as an app
event: it drops what was cached of its app and wakes every open reader, which asks again at once. So does a lost event. 3. A token to log
in with reads as its user does.
"""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, TypeVar
from uuid import NAMESPACE_URL, uuid5

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import APP_ID_MAX, check_app_id
from parlour.contracts.login_tokens import TYPE
from parlour.contracts.subscriptions import OF_ONE_USER, Subscription
from parlour.gateway.app.ports import GatewayCommands
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.cache import Cache, SingleFlight

from .token_throttle import Attempt, TokenThrottle

VERIFIED_FOR_S = 5.0
FORBIDDEN_TAKES_S = 0.05
"""How long a refusal takes at least that must not tell whether a room exists."""
TOKENS_MOST = 10_000
"""Verified tokens in memory, about 500 bytes each."""
QUERIES_AT_ONCE = 256
"""Questions to `auth` under way: after a revocation all who follow ask at once."""
DIGESTS_MOST = 2_048
"""Tokens whose digest is cached: those of readers that follow ask for each page."""
MEMBER_SCOPES = ("events",)
_ENDS_TOKENS = frozenset({ev.SubscriptionsRevoked.TAG, ev.SecretRotated.TAG, ev.RuleSet.TAG, ev.LoginKeyRemoved.TAG})
_TOKENS = uuid5(NAMESPACE_URL, "urn:parlour:bearer")
_NUMBER = re.compile("[0-9]{1,10}")
S = TypeVar("S", bound=msgspec.Struct)


class Apps:
    """Asks `auth` about apps. `default` is the app of requests that name none; 0: the only one there is."""

    def __init__(self, commands: GatewayCommands, default: int) -> None:
        self._commands = commands
        self._default = default

    async def resolve(self, named: str) -> int:
        """Returns the app that a request names, or the default one; `Rejection` where the text is no app, or none is meant."""
        if named:
            if not _NUMBER.fullmatch(named):
                raise Rejection(Code.APP_ID, "app is not an application id", field="app", limit=f"1..{APP_ID_MAX}")
            return check_app_id(int(named))
        if not self._default:
            apps = await self.list_apps()
            if len(apps) != 1:
                raise Rejection(Code.APP_ID, "the request names no app", field="app", hint="add ?app=<appID>")
            self._default = apps[0].app
        return self._default

    async def list_apps(self) -> tuple[cmd.AppDescription, ...]:
        """Lists every app, without secrets."""
        return (await self._commands.ask(0, cmd.ListApps(), cmd.Apps)).apps

    async def issue_token(self, app: int, user_id: str, room: str) -> str:
        """Issues a token04 for a user, for one room or (empty) for all."""
        return (await self._commands.ask(app, cmd.IssueToken(user_id, room), cmd.TokenMade)).token


class _TypeHeader(msgspec.Struct):
    typ: str = ""


class _AppClaim(msgspec.Struct):
    app: Annotated[int, msgspec.Meta(ge=1, le=APP_ID_MAX)]


class TokenVerifier:
    """Verifies bearer tokens for HTTP and for subscriptions over WebSockets. `now` returns seconds of a clock that never goes back."""

    def __init__(
        self, commands: GatewayCommands, apps: Apps, throttle: TokenThrottle, clock: Clock, now: Callable[[], float]
    ) -> None:
        self._commands = commands
        self._throttle = throttle
        self._clock = clock
        self._apps = apps
        self._verified = Cache[tuple[bytes, str], Subscription](TOKENS_MOST, VERIFIED_FOR_S, now)
        self._watchers: dict[int, set[asyncio.Event]] = {}
        self._questions = SingleFlight[tuple[bytes, str]]()
        self._slots = asyncio.Semaphore(QUERIES_AT_ONCE)
        self._generation = 0
        """Counts invalidations, so that an answer that was under way during one is asked for again."""

    async def verify(self, token: str, app: str = "", address: str = "") -> Subscription:
        """Returns what the token allows now; `Rejection` where it is refused or has expired. `app` names the app of a token04 where it
        is not the default one; `address` is the client's, empty where an open reader asks once more.
        """
        key = (_digest(token), app)
        known = self._verified.get(key)
        if known is None:
            attempt = Attempt(token, address, app)
            known = await self._throttle.verify(attempt, lambda: self._ask_once(key, token, app))
            self._verified.put(key, known)
        if known.expires_s * 1_000_000 <= self._clock.at():
            raise Rejection(Code.TOKEN_EXPIRED, "the token has expired", hint="ask for a new token")
        return known

    async def authorize(self, token: str, app: str, scope: str, room: str = "", address: str = "") -> Subscription:
        """As `verify`, for a scope and, if one is named, a room; `Rejection` where the token does not allow them."""
        grant = await self.verify(token, app, address)
        check_scope(grant, scope)
        check_room(grant, room)
        return grant

    def on_app_event(self, view: EventView) -> None:
        """Takes an event of an app's own log: one that may end tokens drops what is cached of the app and wakes its readers."""
        if view.type in _ENDS_TOKENS:
            self.invalidate(view.app)

    def invalidate(self, app: int | None = None) -> None:
        """Drops what is cached of one app, or of all where app events may have been lost, and wakes the readers."""
        self._generation += 1
        self._questions.forget()
        self._verified.drop_where(lambda known: app in (None, known.app))
        for watcher in [one for of, watchers in self._watchers.items() if app in (None, of) for one in watchers]:
            watcher.set()

    @contextmanager
    def watch(self, app: int, changed: asyncio.Event) -> Generator[None]:
        """Sets `changed` whenever the app's tokens may have ended, while the block runs."""
        watchers = self._watchers.setdefault(app, set())
        watchers.add(changed)
        try:
            yield
        finally:
            watchers.discard(changed)
            if not watchers:
                self._watchers.pop(app, None)

    async def _ask_once(self, key: tuple[bytes, str], token: str, app: str) -> Subscription:
        """Asks `auth`, once for all callers that ask at the same time. An answer that was under way during an invalidation may be older
        than that, and is asked for again.
        """
        while True:
            generation = self._generation
            found = await self._questions.run(key, lambda: self._ask(token, app))
            if generation == self._generation:
                return found

    async def _ask(self, token: str, app: str) -> Subscription:
        async with self._slots:
            if token.startswith("04"):
                return await self._verify_member(token, await self._apps.resolve(app))
            if is_login_token(token):
                return await self._verify_member(token, app_of(token))
            return await self._commands.ask(app_of(token), cmd.VerifySubscription(token), Subscription)

    async def _verify_member(self, token: str, app: int) -> Subscription:
        command_id = str(uuid5(_TOKENS, token))
        checked = await self._commands.ask(app, cmd.VerifyToken(token), cmd.TokenChecked, command_id=command_id)
        return Subscription(app, MEMBER_SCOPES, checked.expires_s, "", checked.room or None, checked.user_id)


def check_scope(grant: Subscription, scope: str) -> None:
    """Raises `Rejection` where the token does not allow the scope."""
    if not grant.allows(scope):
        raise Rejection(
            Code.FORBIDDEN, f"the token does not allow {scope}", field="scopes", hint=f"it needs the scope {scope}"
        )
    if grant.user is not None and scope not in OF_ONE_USER:
        raise Rejection(
            Code.FORBIDDEN, f"a token on behalf of one user does not allow {scope}", field="user",
            hint="this scope is about the whole app: ask for a token without user",
        )  # fmt: skip


def check_room(grant: Subscription, room: str) -> None:
    """Raises `room_not_found` where the token is for another room; the empty name is no room and passes."""
    if room and not grant.covers(room):
        raise room_not_found()


def room_not_found(field: str = "room") -> Rejection:
    """Returns the one refusal for a room that does not exist and for one that is somebody else's."""
    return Rejection(Code.FORBIDDEN, "there is no such room for this token", field=field)


async def pad_refusal(taken_s: float) -> None:
    """Delays a refusal that took so many seconds to `FORBIDDEN_TAKES_S`, so that its time does not tell whether a room exists."""
    await asyncio.sleep(max(0.0, FORBIDDEN_TAKES_S - taken_s))


@lru_cache(DIGESTS_MOST)
def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def is_login_token(token: str) -> bool:
    """Tells whether a JWT says of itself that it is a login token; its signature is checked by `auth`."""
    header = _jwt_part(token, 0, _TypeHeader)
    return header is not None and header.typ == TYPE


def app_of(token: str) -> int:
    """Returns the app that a signed token names, not yet verified: it says whom to ask. `Rejection` where it names none."""
    claims = _jwt_part(token, 1, _AppClaim)
    if claims is None:
        raise Rejection(
            Code.TOKEN_FORMAT, "the bearer token is neither a subscription token nor a token04",
            field="Authorization", hint="parlour token --subscribe",
        )  # fmt: skip
    return claims.app


def _jwt_part(token: str, index: int, kind: type[S]) -> S | None:
    """Decodes the header (0) or the claims (1) of a JWT; None where the token has no such part."""
    try:
        part = token.split(".")[index]
        return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=kind)
    except (IndexError, ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return None
