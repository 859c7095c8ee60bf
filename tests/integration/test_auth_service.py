"""The auth service on real NATS and Postgres: apps, two secrets while rotating, tokens made and checked."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.auth.domain.token04 import Token, encode
from parlour.auth.settings import AuthSettings
from parlour.auth.wiring import build
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.commands import AppDescription, Apps, Caller, Reply, Request, TokenChecked, TokenMade
from parlour.contracts.envelope import EventView
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.settings import BusSettings, load

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures" / "token04.json").read_text())
APP, SECRET = VECTORS["app_id"], VECTORS["secret"]
OPERATOR = Caller(kind="operator")


class Harness:
    """Asks the service and hears what it publishes."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.heard: list[EventView] = []

    async def hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        self.heard.append(msgspec.json.decode(payload, type=EventView))

    async def ask(self, app: int, body: cmd.AnyCommand, caller: Caller = OPERATOR, command_id: str = "") -> Reply:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        return await self.bus.ask(app, "auth", "", verb, Request(command_id or str(uuid4()), caller, body))

    async def create(self, **what: object) -> AppDescription:
        reply = await self.ask(0, cmd.CreateApp(**what))  # pyright: ignore[reportArgumentType]
        return msgspec.json.decode(reply.result, type=AppDescription)

    async def verify(self, app: int, token: str, **more: str) -> TokenChecked:
        reply = await self.ask(app, cmd.VerifyToken(token, **more), Caller())
        return msgspec.json.decode(reply.result, type=TokenChecked)

    async def refused(self, app: int, body: cmd.AnyCommand, caller: Caller = OPERATOR) -> tuple[int, int]:
        before = len(self.heard)
        with pytest.raises(Rejection) as caught:
            await self.ask(app, body, caller)
        await self.bus.flush_confirmed()
        assert len(self.heard) == before, "what is refused appends nothing"
        return caught.value.problem.code, caught.value.problem.fine


@pytest.fixture
async def harness(environment: Callable[[str], dict[str, str]]) -> AsyncIterator[Harness]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(build(load(AuthSettings, environment("auth"))))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        made = Harness(bus)
        await bus.subscribe(subjects.ALL_EVENTS, made.hear)
        yield made


async def test_an_app_is_created_once(harness: Harness) -> None:
    first = await harness.create(app=APP, name="demo", secret=SECRET)
    assert first.secret == SECRET
    again = await harness.create(app=APP, name="other", secret="x" * 32)
    assert (again.name, again.secret, again.created_s) == ("demo", "", first.created_s), (
        "what exists stays, its secret is not told"
    )
    listed = msgspec.json.decode((await harness.ask(0, cmd.ListApps())).result, type=Apps)
    assert [(app.app, app.secret) for app in listed.apps if app.app == APP] == [(APP, "")]


async def test_a_repeated_creation_answers_the_same(harness: Harness) -> None:
    command_id = str(uuid4())
    first = await harness.ask(0, cmd.CreateApp(name="drawn"), command_id=command_id)
    second = await harness.ask(0, cmd.CreateApp(name="drawn"), command_id=command_id)
    one, two = (msgspec.json.decode(reply.result, type=AppDescription) for reply in (first, second))
    assert one == two
    assert len(one.secret) == 32
    assert one.app >= 10**9
    assert {view.type for view in harness.heard if view.app == one.app} == {"app.created.v1", "app.secret_rotated.v1"}


def vectors(*, accepted: bool) -> list[Any]:
    """The vendor's tokens whose payload lets a user log in, or those whose payload does not."""
    refused = {"login denied", "payload is not JSON"}
    chosen = [one for one in VECTORS["vectors"] if (one["case"] not in refused) is accepted]
    return [pytest.param(one, id=f"{one['generator']}-{one['case']}") for one in chosen]


@pytest.mark.parametrize("vector", vectors(accepted=False))
async def test_the_vendors_tokens_that_are_refused(harness: Harness, vector: dict[str, str]) -> None:
    await harness.create(app=APP, name="demo", secret=SECRET)
    await harness.ask(APP, cmd.SetAppRules(privileges="enforced"))
    room = "room-1" if "room-1" in vector["payload"] else "any"
    fine = 1002075 if "JSON" in vector["case"] else 1002033
    assert await harness.refused(APP, cmd.VerifyToken(vector["token"], vector["user_id"], room)) == (1102020, fine)


@pytest.mark.parametrize("vector", vectors(accepted=True))
async def test_the_vendors_tokens_that_are_accepted(harness: Harness, vector: dict[str, str]) -> None:
    await harness.create(app=APP, name="demo", secret=SECRET)
    await harness.ask(APP, cmd.SetAppRules(privileges="enforced"))
    room = "room-1" if "room-1" in vector["payload"] else "any"
    checked = await harness.verify(APP, vector["token"], user_id=vector["user_id"], room=room)
    assert (checked.user_id, checked.expires_s) == (vector["user_id"], vector["expire"])
    bearer = await harness.verify(APP, vector["token"])
    assert bearer.user_id == vector["user_id"]


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['generator']}-{v['case']}")
async def test_a_payload_counts_only_where_the_app_says_so(harness: Harness, vector: dict[str, str]) -> None:
    await harness.create(app=APP, name="demo", secret=SECRET)
    await harness.ask(APP, cmd.SetAppRules(privileges="text"))
    checked = await harness.verify(APP, vector["token"], user_id=vector["user_id"], room="any", purpose="publish")
    assert (checked.room, checked.may_publish, checked.stream_ids) == ("", True, ())


async def test_the_rules_of_an_app_are_on_the_record(harness: Harness) -> None:
    app = (await harness.create(name="ruled")).app
    first = await harness.ask(app, cmd.SetAppRules(login_tokens="signed"))
    assert msgspec.json.decode(first.result, type=cmd.AppRules) == cmd.AppRules("signed", "text", "keep")
    token = msgspec.json.decode((await harness.ask(app, cmd.IssueToken("ann"))).result, type=TokenMade).token
    assert await harness.refused(app, cmd.VerifyToken(token, "ann")) == (1102020, 1002079)
    assert await harness.refused(app, cmd.SetAppRules(login_tokens="none")) == (1100001, 0)
    await harness.ask(app, cmd.SetAppRules(login_tokens="any"))
    assert (await harness.verify(app, token, user_id="ann")).user_id == "ann"
    await harness.bus.flush_confirmed()
    set_ = [
        json.loads(bytes(view.data)) for view in harness.heard if view.type == "app.rule_set.v1" and view.app == app
    ]
    assert [(one["rule"], one["value"]) for one in set_] == [("login_tokens", "signed"), ("login_tokens", "any")]


async def test_signed_login_tokens(harness: Harness) -> None:
    app = (await harness.create(name="signing")).app
    await harness.ask(app, cmd.SetAppRules(login_tokens="signed"))
    made = msgspec.json.decode(
        (await harness.ask(app, cmd.IssueLoginToken("ann", "tea", 60, False))).result, type=TokenMade
    ).token
    checked = await harness.verify(app, made, user_id="ann", room="tea")
    assert (checked.user_id, checked.room, checked.may_publish) == ("ann", "tea", False)
    assert (await harness.refused(app, cmd.VerifyToken(made, "bob", "tea"))) == (1102020, 1002077)
    assert (await harness.refused(app, cmd.VerifyToken(made, "ann", "coffee")))[0] == 1102020
    other = (await harness.create(name="other")).app
    assert (await harness.refused(other, cmd.VerifyToken(made, "ann", "tea")))[0] == 1102020
    assert (await harness.refused(app, cmd.VerifySubscription(made)))[0] in (1102016, 1102020)
    assert (await harness.refused(app, cmd.IssueLoginToken("ann", "", 32 * 86_400)))[0] == 1100001


async def test_keys_of_an_app_are_on_the_record(harness: Harness) -> None:
    app, private = (await harness.create(name="keys")).app, Ed25519PrivateKey.generate()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    now = SystemClock().at() // 1_000_000
    claims = {"aud": "parlour", "app": app, "user": "ann", "iat": now, "exp": now + 60}
    token = jwt.encode(claims, private, "EdDSA", {"typ": "parlour-login+jwt", "kid": "web"})
    assert (await harness.refused(app, cmd.VerifyToken(token, "ann")))[0] == 1102020
    added = msgspec.json.decode((await harness.ask(app, cmd.AddLoginKey(pem, "web"))).result, type=cmd.LoginKeys)
    assert [key.kid for key in added.keys] == ["web"]
    assert (await harness.verify(app, token, user_id="ann")).user_id == "ann"
    await harness.ask(app, cmd.AddLoginKey(pem, "web"))
    listed = msgspec.json.decode((await harness.ask(app, cmd.ListLoginKeys())).result, type=cmd.LoginKeys)
    assert listed == added
    await harness.ask(app, cmd.RemoveLoginKey("web"))
    assert (await harness.refused(app, cmd.VerifyToken(token, "ann")))[0] == 1102020
    for body in (cmd.AddLoginKey("nonsense"), cmd.AddLoginKey(pem, "a b"), cmd.AddLoginKey(pem, "x" * 65)):
        assert (await harness.refused(app, body))[0] == 1100001
    await harness.bus.flush_confirmed()
    told = [view.type for view in harness.heard if view.app == app and "login_key" in view.type]
    assert told == ["app.login_key_added.v1", "app.login_key_removed.v1"]


async def test_a_token_made_here_is_accepted_here(harness: Harness) -> None:
    app = await harness.create(name="mine")
    command_id = str(uuid4())
    first = await harness.ask(app.app, cmd.IssueToken("ann", "tea", 60), command_id=command_id)
    second = await harness.ask(app.app, cmd.IssueToken("ann", "tea", 60), command_id=command_id)
    made = msgspec.json.decode(first.result, type=TokenMade)
    assert msgspec.json.decode(second.result, type=TokenMade) == made, "a repetition makes the same token"
    checked = await harness.verify(app.app, made.token, user_id="ann", room="tea", purpose="publish", stream_id="s")
    assert (checked.room, checked.expires_s) == ("tea", made.expires_s)
    assert (await harness.refused(app.app, cmd.VerifyToken(made.token, "ann", "coffee")))[0] == 1102020
    await harness.bus.flush_confirmed()
    events = {view.seq: view for view in harness.heard if view.type == "app.token_issued.v1" and view.app == app.app}
    (issued,) = events.values()  # the repetition may publish the event again, and makes no other
    assert issued.user_id == "ann"
    assert made.token not in bytes(issued.data).decode()


async def test_two_secrets_while_rotating(harness: Harness) -> None:
    app = await harness.create(name="turning")
    now = SystemClock().at() // 1_000_000
    old = encode(Token(app.app, "ann", 1, now, now + 600), app.secret, b"0" * 16)
    rotated = msgspec.json.decode(
        (await harness.ask(app.app, cmd.RotateSecret(app.app, 600))).result, type=AppDescription
    )
    new = encode(Token(app.app, "ann", 1, now, now + 600), rotated.secret, b"1" * 16)
    assert rotated.secret != app.secret
    for token in (old, new):
        assert (await harness.verify(app.app, token)).user_id == "ann"
    await harness.ask(app.app, cmd.RotateSecret(app.app, 0))
    assert (await harness.refused(app.app, cmd.VerifyToken(new)))[0] == 1102020
    assert (await harness.refused(app.app, cmd.VerifyToken(old)))[0] == 1102020


@pytest.mark.parametrize(
    ("token", "code", "fine"),
    [
        ("", 1102016, 1002067),
        ("room-1", 1102016, 1002079),
        ("04!!!!", 1102016, 1002033),
        (encode(Token(APP, "ann", 1, 1000, 2000), SECRET, b"0" * 16), 1102018, 1002078),
        (encode(Token(APP, "bob", 1, 1000, 2**40), SECRET, b"0" * 16), 1102020, 1002077),
        (encode(Token(APP + 1, "ann", 1, 1000, 2**40), SECRET, b"0" * 16), 1102020, 1002076),
        (encode(Token(APP, "ann", 1, 1000, 2**40), "0" * 32, b"0" * 16), 1102020, 1002033),
        (encode(Token(APP, "ann", 1, 2**40, 2**40 + 60), SECRET, b"0" * 16), 1102018, 1002078),
    ],
)
async def test_each_flaw_has_the_vendors_code(harness: Harness, token: str, code: int, fine: int) -> None:
    await harness.create(app=APP, name="demo", secret=SECRET)
    assert await harness.refused(APP, cmd.VerifyToken(token, "ann")) == (code, fine)


@pytest.mark.parametrize(
    ("app", "body", "caller", "code"),
    [
        (99, cmd.VerifyToken("04x"), OPERATOR, 1001004),
        (99, cmd.IssueToken("ann"), OPERATOR, 1001004),
        (0, cmd.IssueToken("ann"), OPERATOR, 1001004),
        (99, cmd.RotateSecret(99), OPERATOR, 1001004),
        (99, cmd.RotateSecret(98), OPERATOR, 1001004),
        (0, cmd.CreateApp(app=2**32), OPERATOR, 1001004),
        (0, cmd.CreateApp(secret="short"), OPERATOR, 1100001),
        (0, cmd.CreateApp(name="n" * 129), OPERATOR, 1100001),
        (APP, cmd.IssueToken(""), OPERATOR, 1002005),
        (APP, cmd.IssueToken("ann", "a b"), OPERATOR, 1002012),
        (APP, cmd.IssueToken("ann", "", 0), OPERATOR, 1100001),
        (APP, cmd.IssueToken("ann"), Caller("ann"), 9000012),
        (0, cmd.CreateApp(), Caller("ann"), 9000012),
        (0, cmd.ListApps(), Caller("ann"), 9000012),
    ],
)
async def test_what_is_refused(harness: Harness, app: int, body: cmd.AnyCommand, caller: Caller, code: int) -> None:
    assert (await harness.refused(app, body, caller))[0] == code


async def test_no_secret_stands_in_the_database(harness: Harness, postgres: str) -> None:
    app = await harness.create(name="hidden")
    await harness.ask(app.app, cmd.RotateSecret(app.app))
    connection = await asyncpg.connect(postgres)
    try:
        for table in ("command", "event", "app", "app_secret", "deadline"):
            rows = await connection.fetch(f"SELECT * FROM parlour.{table}")
            everything = b"".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row.values())
            assert app.secret.encode() not in everything, table
    finally:
        await connection.close()


async def test_a_subscription_is_made_verified_and_revoked(harness: Harness) -> None:
    app = (await harness.create(name="readers")).app

    async def issue(**what: object) -> cmd.SubscriptionMade:
        reply = await harness.ask(app, cmd.IssueSubscription(**what))  # pyright: ignore[reportArgumentType]
        return msgspec.json.decode(reply.result, type=cmd.SubscriptionMade)

    async def verify(made: cmd.SubscriptionMade) -> Subscription:
        reply = await harness.ask(app, cmd.VerifySubscription(made.token), Caller(kind="service"))
        return msgspec.json.decode(reply.result, type=Subscription)

    one = await issue(room="tea", user_id="ann", scopes=("events", "audit"), ttl_s=60)
    two, of_bob, of_room, of_app = (
        await issue(room="tea"),
        await issue(user_id="bob"),
        await issue(room="x"),
        await issue(),
    )
    found = await verify(one)
    assert (found.room, found.user, found.scopes, found.jti) == ("tea", "ann", ("events", "audit"), one.jti)
    for revocation, refused in (
        (cmd.RevokeSubscriptions(jti=two.jti), two),
        (cmd.RevokeSubscriptions(user_id="bob"), of_bob),
        (cmd.RevokeSubscriptions(room="x"), of_room),
    ):
        await verify(refused)
        await harness.ask(app, revocation)
        assert (await harness.refused(app, cmd.VerifySubscription(refused.token)))[0] == 1102020
    for unharmed in (one, of_app, await issue(room="x"), await issue(user_id="bob")):
        assert (await verify(unharmed)).jti == unharmed.jti
    other = (await harness.create(name="others")).app
    assert (await harness.refused(other, cmd.VerifySubscription(of_app.token)))[0] == 1102020
    told = [bytes(view.data).decode() for view in harness.heard if view.type == "app.subscription_issued.v1"]
    assert told
    assert not [text for text in told if one.token in text or '"ann"' in text], "neither the token nor the person"


async def test_a_repeated_issue_makes_the_same_subscription(harness: Harness) -> None:
    app, command_id = (await harness.create(name="again")).app, str(uuid4())
    first, second = [await harness.ask(app, cmd.IssueSubscription("tea"), command_id=command_id) for _ in range(2)]
    assert first.result == second.result


@pytest.mark.parametrize(
    "body",
    [
        cmd.IssueSubscription(scopes=()),
        cmd.IssueSubscription(scopes=("root",)),
        cmd.IssueSubscription(ttl_s=0),
        cmd.IssueSubscription(user_id="ann", scopes=("history",)),
        cmd.IssueSubscription(ttl_s=32 * 86_400),
        cmd.RevokeSubscriptions(),
        cmd.RevokeSubscriptions(jti="a", room="b"),
    ],
)
async def test_what_no_subscription_is(harness: Harness, body: cmd.AnyCommand) -> None:
    await harness.create(app=APP, name="demo", secret=SECRET)
    assert (await harness.refused(APP, body))[0] == 1100001
