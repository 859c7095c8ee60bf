"""Bearer tokens at the gateway: asked about once in a while, and at once where they may have ended."""

import asyncio
import base64
import json
import time
from typing import Any

import msgspec
import pytest

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import Invalid
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter, RequestLimits
from parlour.gateway.app.access.token_throttle import TokenThrottle
from parlour.gateway.app.access.token_verifier import Apps, TokenVerifier, app_of
from parlour.gateway.app.ports import GatewayCommands
from parlour.gateway.domain.token_bucket import RateLimited
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.telemetry.metrics import Metrics
from parlour.testkit.story import Story

APP = 7


class Auth:
    """The auth service: answers with `allowed`, counting the questions; None: refuses."""

    def __init__(self) -> None:
        self.allowed: Subscription | None = Subscription(APP, ("events",), int(time.time()) + 60, "j", "tea")
        self.asked = 0
        self.gate: asyncio.Event | None = None
        """Answers are made up at once and arrive when it is set."""

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        self.asked += 1
        answer: Any = self.allowed
        if self.gate is not None:
            await self.gate.wait()
        if answer is None:
            raise Rejection(Code.TOKEN_REFUSED, "no")
        if isinstance(request.body, cmd.VerifyToken):
            answer = cmd.TokenChecked("ann", answer.expires_s, "tea")
        return cmd.Reply(msgspec.Raw(msgspec.json.encode(answer)))


def a_verifier(auth: Auth) -> TokenVerifier:
    commands = GatewayCommands(auth, SystemIds())
    throttled = Metrics("test").counter("throttled", "x", ("outcome",))
    throttle = TokenThrottle(20.0, 600.0, throttled, time.monotonic)
    return TokenVerifier(commands, Apps(commands, APP), throttle, SystemClock(), time.monotonic)


def token(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"app": APP} | claims).encode()).decode().rstrip("=")
    return f"h.{payload}.s"


async def test_a_token_is_asked_about_once_in_a_while() -> None:
    auth = Auth()
    verifier = a_verifier(auth)
    for _ in range(3):
        assert (await verifier.verify(token())).jti == "j"
    assert auth.asked == 1
    await verifier.verify(token(other=1))
    assert auth.asked == 2


async def test_a_crowd_with_one_token_asks_once() -> None:
    auth = Auth()
    verifier = a_verifier(auth)
    await asyncio.gather(*(verifier.verify(token()) for _ in range(50)))
    assert auth.asked == 1
    auth.allowed = None
    verifier.invalidate()
    answers = await asyncio.gather(*(verifier.verify(token()) for _ in range(50)), return_exceptions=True)
    assert auth.asked == 2
    assert all(isinstance(answer, Rejection) for answer in answers)


async def test_a_yes_that_a_revocation_overtook_is_not_believed() -> None:
    auth = Auth()
    auth.gate = asyncio.Event()
    verifier = a_verifier(auth)
    asking = asyncio.ensure_future(verifier.verify(token()))
    while not auth.asked:  # noqa: ASYNC110 the yes is on its way
        await asyncio.sleep(0)
    auth.allowed = None
    verifier.on_app_event(Story(APP, "").tell(ev.SubscriptionsRevoked(APP, "j", "", "", 0, 0)))
    auth.gate.set()
    with pytest.raises(Rejection):
        await asking
    with pytest.raises(Rejection):
        await verifier.verify(token())


@pytest.mark.parametrize(
    "event",
    [ev.SubscriptionsRevoked(APP, "j", "", "", 0, 0), ev.SecretRotated(APP, "s", 0), None],
    ids=["revoked", "rotated", "perhaps missed"],
)
async def test_what_may_end_a_token_is_asked_about_at_once(event: ev.Event | None) -> None:
    auth, changed = Auth(), asyncio.Event()
    verifier = a_verifier(auth)
    await verifier.verify(token())
    auth.allowed = None
    with verifier.watch(APP, changed):
        if event is None:
            verifier.invalidate()
        else:
            verifier.on_app_event(Story(APP, "").tell(event))
        assert changed.is_set()
    with pytest.raises(Rejection):
        await verifier.verify(token())


async def test_other_apps_and_other_events_end_nothing() -> None:
    auth, changed = Auth(), asyncio.Event()
    verifier = a_verifier(auth)
    await verifier.verify(token())
    with verifier.watch(APP, changed):
        verifier.on_app_event(Story(8, "").tell(ev.SecretRotated(8, "s", 0)))
        verifier.on_app_event(Story(APP, "").tell(ev.AppCreated(APP, "x")))
    assert not changed.is_set()
    await verifier.verify(token())
    assert auth.asked == 1


async def test_a_token_that_was_believed_still_ends_by_the_clock() -> None:
    auth = Auth()
    auth.allowed = Subscription(APP, ("events",), int(time.time()) - 1, "j")
    with pytest.raises(Rejection) as caught:
        await a_verifier(auth).verify(token())
    assert caught.value.problem.code == Code.TOKEN_EXPIRED


async def test_scope_and_room_are_both_asked_for() -> None:
    auth = Auth()
    verifier = a_verifier(auth)
    assert await verifier.authorize(token(), "", "events", "tea")
    for scope, room in (("audit", "tea"), ("events", "coffee")):
        with pytest.raises(Rejection) as caught:
            await verifier.authorize(token(), "", scope, room)
        assert caught.value.problem.code == Code.FORBIDDEN


async def test_a_token04_reads_as_its_user() -> None:
    auth = Auth()
    found = await a_verifier(auth).verify("04abc")
    assert (found.app, found.user, found.room, found.scopes) == (APP, "ann", "tea", ("events",))


@pytest.mark.parametrize(
    "text", ["", "x", "a.b", "a.!.c", f"a.{base64.urlsafe_b64encode(b'{}').decode()}.c", token(app=0)]
)
def test_what_names_no_app_is_no_token(text: str) -> None:
    with pytest.raises((Rejection, Invalid)) as caught:
        app_of(text)
    assert caught.value.problem.code == Code.TOKEN_FORMAT


def test_offers_are_paced_by_user() -> None:
    limiter = RequestLimiter(RequestLimits(offers_per_s=0.01, offers_burst=1), time.monotonic)
    limiter.check_offer_rate(APP, "ann")
    with pytest.raises(Rejection, match="too many offers of this user"):
        limiter.check_offer_rate(APP, "ann")
    limiter.check_offer_rate(APP, "bob")


def test_each_limit_names_itself() -> None:
    limiter = RequestLimiter(
        RequestLimits(readers=2, readers_per_token=1, reads_per_s=1, reads_burst=2), time.monotonic
    )
    one, two, three = (Subscription(APP, ("events",), 0, jti) for jti in ("1", "2", "3"))
    with limiter.reader_slot(one):
        with pytest.raises(Rejection, match="with this token"), limiter.reader_slot(one):
            pass
        with limiter.reader_slot(two), pytest.raises(Rejection, match="at this server"), limiter.reader_slot(three):
            pass
        assert limiter.readers == 1
    with limiter.reader_slot(one):
        pass
    limiter.check_rate(one)
    limiter.check_rate(one)
    with pytest.raises(Rejection, match="requests with this token"):
        limiter.check_rate(one)
    limiter.check_rate(two)


def test_the_tokens_of_one_app_share_its_limits() -> None:
    limiter = RequestLimiter(
        RequestLimits(
            readers=9, readers_per_app=2, reads_per_s_per_app=0.01, reads_burst_per_app=2, reads_at_once_per_app=1
        ),
        time.monotonic,
    )
    one, two, three = (Subscription(APP, ("events",), 0, jti) for jti in ("1", "2", "3"))
    theirs = Subscription(APP + 1, ("events",), 0, "1")
    with limiter.reader_slot(one), limiter.reader_slot(two):
        with pytest.raises(RateLimited, match="readers of this app"), limiter.reader_slot(three):
            pass
        with limiter.reader_slot(theirs):
            assert limiter.readers == 3
    with limiter.query_slot(one):
        with pytest.raises(RateLimited, match="requests of this app at once"), limiter.query_slot(two):
            pass
        with limiter.query_slot(theirs):
            pass
    for who in (one, two):
        limiter.check_rate(who)
    with pytest.raises(RateLimited, match="requests of this app") as refused:
        limiter.check_rate(three)
    assert refused.value.retry_after_s == 100
    limiter.check_rate(theirs)
