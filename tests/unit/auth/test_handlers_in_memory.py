"""The handlers of all commands of auth on a log in memory: what they answer, what they append, and what they refuse."""

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from parlour.auth.app.app_handler import AppHandler
from parlour.auth.app.app_log import AppAggregate, log_of
from parlour.auth.app.ban_handler import BanHandler
from parlour.auth.app.login_token_handler import LoginTokenHandler
from parlour.auth.app.privacy_handler import PrivacyHandler
from parlour.auth.app.refusal_counter import RefusalCounter
from parlour.auth.app.subscription_token_handler import SubscriptionTokenHandler
from parlour.auth.app.token_handler import TimeLimits
from parlour.auth.domain import application, bans, privacy
from parlour.auth.domain.application import AppCommand
from parlour.auth.domain.bans import BanCommand
from parlour.auth.domain.privacy import PrivacyCommand
from parlour.auth.domain.verify import LONGEST_S
from parlour.contracts import commands as cmd
from parlour.contracts.moderation import Ban, Bans
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.bans import Bans as BanState
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry.metrics import Metrics
from parlour.testkit.clock import CountingIds, VirtualClock
from parlour.testkit.log import MemoryLog
from parlour.testkit.user_keys import MemoryUserKeyStore

APP = 7
SECRET = "0123456789abcdef0123456789abcdef"


class SilentBus:
    """Nobody is on it."""

    def __init__(self) -> None:
        self.metrics = Metrics("test")

    async def publish(self, subject: str, payload: bytes, headers: object = None) -> None:
        return None


class MemoryVault:
    """Holds the secrets of apps in memory, as the Postgres vault does in a table."""

    def __init__(self) -> None:
        self.described: dict[int, cmd.AppDescription] = {}
        self.by_id: dict[str, str] = {}

    async def put(self, app: cmd.AppDescription, secret_id: str, secret: str) -> None:
        self.described.setdefault(app.app, app)
        self.by_id.setdefault(secret_id, secret)

    async def secret(self, secret_id: str) -> str | None:
        return self.by_id.get(secret_id)

    async def secrets(self, secret_ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.by_id[one] for one in secret_ids if one in self.by_id)

    async def apps(self) -> tuple[cmd.AppDescription, ...]:
        return tuple(self.described.values())


class MemoryPersonKeys:
    """Which keys were destroyed; everybody appears in every room."""

    def __init__(self) -> None:
        self.destroyed: list[str] = []

    async def destroy(self, actor: str) -> None:
        self.destroyed.append(actor)

    async def rooms_of(self, app: int, rooms: frozenset[str], actor: str) -> frozenset[str]:
        return rooms


class World:
    """The auth service's application on a log in memory."""

    def __init__(self) -> None:
        self.log, people, clock = MemoryLog(), MemoryUserKeyStore(), VirtualClock()
        ids, bus = CountingIds(clock), cast(Bus, SilentBus())
        self.committer = Committer(self.log, people, bus)
        common = (self.log, people, self.committer, clock, ids)
        apps = AppAggregate[application.State, AppCommand](*common, application.AGGREGATE, application.decide)
        privacies = AppAggregate[privacy.State, PrivacyCommand](*common, privacy.AGGREGATE, privacy.decide)
        banned = AppAggregate[BanState, BanCommand](*common, bans.AGGREGATE, bans.decide)
        vault, refusals = MemoryVault(), RefusalCounter(bus.metrics, lambda: 0.0)
        self.keys = MemoryPersonKeys()
        self.apps = AppHandler(apps, vault, clock, lambda: uuid4().hex)
        issuing = (apps, people, vault, clock, refusals, TimeLimits(60, LONGEST_S))
        self.tokens, self.subscriptions = LoginTokenHandler(*issuing), SubscriptionTokenHandler(*issuing)
        self.privacy = PrivacyHandler(privacies, people, self.keys, vault, ids)
        self.bans = BanHandler(banned, people, clock)

    async def ask(
        self, handler: Any, body: msgspec.Struct, kind: Any = object, *, app: int = APP, id_: str = ""
    ) -> Any:
        """What a handler answers to a command."""
        context = CommandContext(app, "", id_ or str(uuid4()), "operator:", msgspec.json.encode(body))
        return msgspec.json.decode((await handler(context, body)).result, type=kind)

    async def refused(self, handler: Any, body: msgspec.Struct, *, app: int = APP) -> str:
        """Why a handler refuses a command; nothing is appended then."""
        before = await self.log.head(log_of(app).uid)
        with pytest.raises(Rejection) as caught:
            await self.ask(handler, body, app=app)
        assert await self.log.head(log_of(app).uid) == before
        return caught.value.problem.message

    async def types(self) -> list[str]:
        """The events of the app's own log, from the first on."""
        return [record.type for record in await self.log.read(log_of(APP).uid, 0, 1000)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    async with made.committer:
        created = await made.ask(made.apps.create, cmd.CreateApp(APP, "demo", SECRET), cmd.AppDescription)
        assert created.secret == SECRET
        yield made


async def test_an_app_is_created_once_and_its_secret_rotated(world: World) -> None:
    again = await world.ask(world.apps.create, cmd.CreateApp(APP, "other", "x" * 32), cmd.AppDescription)
    assert (again.name, again.secret) == ("demo", "")
    once = str(uuid4())
    rotated = await world.ask(world.apps.rotate, cmd.RotateSecret(APP, 60), cmd.AppDescription, id_=once)
    assert len(rotated.secret) == 32
    assert (await world.ask(world.apps.rotate, cmd.RotateSecret(APP, 60), cmd.AppDescription, id_=once)) == rotated
    listed = await world.ask(world.apps.list_all, cmd.ListApps(), cmd.Apps)
    assert [(one.app, one.name, one.secret) for one in listed.apps] == [(APP, "demo", "")]
    assert await world.types() == ["app.created.v1", "app.secret_rotated.v1", "app.secret_rotated.v1"]
    drawn = await world.ask(world.apps.create, cmd.CreateApp(name="drawn"), cmd.AppDescription, app=0)
    assert drawn.app >= 10**9


async def test_rules_and_keys_are_answered_as_they_are_then(world: World) -> None:
    rules = await world.ask(world.apps.set_rules, cmd.SetAppRules(privileges="enforced"), cmd.AppRules)
    assert (rules.login_tokens, rules.privileges) == ("any", "enforced")
    pem = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    added = await world.ask(world.apps.add_key, cmd.AddLoginKey(pem.decode(), "main"), cmd.LoginKeys)
    assert [key.kid for key in added.keys] == ["main"]
    assert await world.ask(world.apps.list_keys, cmd.ListLoginKeys(), cmd.LoginKeys) == added
    assert (await world.ask(world.apps.remove_key, cmd.RemoveLoginKey("main"), cmd.LoginKeys)).keys == ()


async def test_a_token_is_made_again_for_a_repeated_command_and_verified(world: World) -> None:
    for issue, body in (
        (world.tokens.issue, cmd.IssueToken("ann", "red")),
        (world.tokens.issue_signed, cmd.IssueLoginToken("ann", "red")),
    ):
        id_ = str(uuid4())
        made = await world.ask(issue, body, cmd.TokenMade, id_=id_)
        assert await world.ask(issue, body, cmd.TokenMade, id_=id_) == made
        checked = await world.ask(world.tokens.verify, cmd.VerifyToken(made.token, "ann", "red"), cmd.TokenChecked)
        assert (checked.user_id, checked.room) == ("ann", "red")
        assert "another user" in await world.refused(world.tokens.verify, cmd.VerifyToken(made.token, "bob", "red"))
    assert (await world.types()).count("app.token_issued.v1") == 2


async def test_a_subscription_ends_with_its_revocation(world: World) -> None:
    body = cmd.IssueSubscription(room="red", scopes=("events",), ttl_s=60)
    made = await world.ask(world.subscriptions.issue, body, cmd.SubscriptionMade)
    verify = cmd.VerifySubscription(made.token)
    assert (await world.ask(world.subscriptions.verify, verify, Subscription)).room == "red"
    await world.ask(world.subscriptions.revoke, cmd.RevokeSubscriptions(jti=made.jti))
    assert await world.refused(world.subscriptions.verify, verify) == "the token was revoked"


async def test_a_ban_is_placed_listed_and_lifted(world: World) -> None:
    placed = await world.ask(world.bans.place, cmd.PlaceBan("bob", room="red", reason="spam", by="op"), Ban)
    assert (placed.user_id, placed.room, placed.in_force) == ("bob", "red", True)
    listed = (await world.ask(world.bans.list_all, cmd.ListBans(), Bans)).bans
    assert [(one.user_id, one.reason, one.by) for one in listed] == [("bob", "spam", "op")]
    lifted = await world.ask(world.bans.lift, cmd.LiftBan("bob", room="red"), Ban)
    assert (lifted.user_id, lifted.in_force) == ("bob", False)
    assert (await world.ask(world.bans.list_all, cmd.ListBans(), Bans)).bans == ()


async def test_an_erasure_waits_for_the_hold_of_a_room(world: World) -> None:
    assert (await world.ask(world.privacy.erase, cmd.EraseUser("ann"), cmd.Erasure)).outcome == "unknown"
    await world.ask(world.privacy.hold, cmd.PlaceHold(room="red", reason="court"))
    await world.ask(world.tokens.issue, cmd.IssueToken("ann"), cmd.TokenMade)
    waiting = await world.ask(world.privacy.erase, cmd.EraseUser("ann"), cmd.Erasure)
    assert (waiting.outcome, world.keys.destroyed) == ("waiting", [])
    held = await world.ask(world.privacy.holds, cmd.ListHolds(), cmd.Holds)
    assert (held.users, held.rooms, held.waiting) == ((), ("red",), 1)
    await world.ask(world.privacy.release, cmd.ReleaseHold(room="red"))
    assert world.keys.destroyed == [waiting.actor]
    assert (await world.types())[-3:] == ["app.hold_released.v1", "app.erasure_freed.v1", "app.user_erased.v1"]


async def test_nothing_happens_to_an_app_that_does_not_exist(world: World) -> None:
    for handler, body in (
        (world.apps.rotate, cmd.RotateSecret(8)),
        (world.apps.set_rules, cmd.SetAppRules(privileges="text")),
        (world.apps.list_keys, cmd.ListLoginKeys()),
        (world.tokens.issue, cmd.IssueToken("ann")),
        (world.tokens.verify, cmd.VerifyToken("04x", "ann")),
        (world.subscriptions.revoke, cmd.RevokeSubscriptions(room="red")),
        (world.bans.place, cmd.PlaceBan("bob")),
        (world.privacy.hold, cmd.PlaceHold("ann")),
    ):
        assert await world.refused(handler, body, app=8) == "there is no app 8"
