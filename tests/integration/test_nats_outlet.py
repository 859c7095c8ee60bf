"""Readers outside on NATS, with a stock client: in by a token, their own room's events and nothing else, out when it ends."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import nats
import nats.errors
import pytest
from nats.aio.client import Client

from parlour.auth.app.reader_connections import NatsReaderLimits
from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.permissions import grants
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, RoomHead
from parlour.contracts.subscriptions import NATS_PAYLOAD_MOST
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load
from parlour.runtime.signing.nats_keys import Issuer, system_password
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.waiting import eventually

APP, OTHER = 4_100_001, 4_100_002
WITHIN_S = 20.0
READERS_PER_APP = 6
Environment = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def guarded(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server that asks `auth` about strangers, as the supervisor configures it."""
    key = bytes.fromhex(environment("auth")["PARLOUR_MASTER_KEY"])
    folder = tmp_path_factory.mktemp("nats")
    users = {user: (secrets.token_hex(16), grant) for user, grant in grants().items()}
    server = NatsServer(folder, port=free_port(), users=users, issuer=Issuer(key).public, system=system_password(key))
    server.prepare()
    process = spawn(server.launch(), Path(folder, "log"))
    deadline = time.monotonic() + WITHIN_S
    while not server.ready():
        assert process.poll() is None, Path(folder, "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield server
    stop(process, server.launch())


class Suite:
    """auth, room and record behind the guarded server, and an operator."""

    def __init__(self, server: NatsServer, bus: Bus) -> None:
        self.server = server
        self.bus = bus

    async def ask(self, body: Any, result: Any = None, app: int = APP, room: str = "") -> Any:
        service, _, verb = str(body.__struct_config__.tag).partition(".")
        request = cmd.Request(str(uuid4()), cmd.Caller(kind="service"), body)
        reply = await self.bus.ask(app, service, room, verb, request)
        return msgspec.json.decode(reply.result, type=result) if result else None

    async def token(self, *scopes: str, room: str = "", ttl_s: int = 60, app: int = APP, user: str = "") -> Any:
        body = cmd.IssueSubscription(user_id=user, room=room, scopes=scopes or ("events", "audit"), ttl_s=ttl_s)
        return await self.ask(body, cmd.SubscriptionMade, app)

    async def join(self, room: str, user: str, app: int = APP) -> None:
        await self.ask(cmd.JoinRoom(str(uuid4()), user), app=app, room=room)

    @asynccontextmanager
    async def reader(self, token: str, **options: Any) -> AsyncIterator["Reader"]:
        made = Reader()
        url = f"nats://127.0.0.1:{self.server.port}"
        made.client = await nats.connect(
            url, token=token, error_cb=made.failed, disconnected_cb=made.cut_off, allow_reconnect=False, **options
        )
        try:
            yield made
        finally:
            await made.client.close()


class Reader:
    """A stock client."""

    def __init__(self) -> None:
        self.client = Client()
        self.errors: list[str] = []
        self.failing = asyncio.Condition()
        self.views: asyncio.Queue[EventView] = asyncio.Queue()
        self.gone = asyncio.Event()

    async def failed(self, error: Exception) -> None:
        async with self.failing:
            self.errors.append(str(error).lower())
            self.failing.notify_all()

    async def cut_off(self) -> None:
        self.gone.set()

    async def follow(self, subject: str) -> None:
        async def heard(message: Any) -> None:
            await self.views.put(msgspec.json.decode(message.data, type=EventView))

        await self.client.subscribe(subject, cb=heard)
        await self.client.flush()

    async def next(self) -> EventView:
        async with asyncio.timeout(WITHIN_S):
            return await self.views.get()


@pytest.fixture
async def suite(environment: Environment, guarded: NatsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Suite]:
    import importlib

    async with AsyncExitStack() as stack:
        more = {
            "auth": {
                "PARLOUR_AUTH_CALLOUT": "1",
                "PARLOUR_AUTH_NATS_SYSTEM_URL": guarded.system_address(),
                "PARLOUR_AUTH_NATS_READERS_PER_APP": str(READERS_PER_APP),
            },
            "record": {"PARLOUR_RECORD_BEACON_MS": "200"},
        }
        for name in ("auth", "room", "record"):
            settings = getattr(importlib.import_module(f"parlour.{name}.settings"), f"{name.title()}Settings")
            variables = environment(name) | {"PARLOUR_NATS_URL": guarded.address(name)} | more.get(name, {})
            wiring = importlib.import_module(f"parlour.{name}.wiring")
            await stack.enter_async_context(wiring.build(load(settings, variables)))
        own = load(BusSettings, {"PARLOUR_NATS_URL": guarded.address("test")})
        made = Suite(guarded, await stack.enter_async_context(await Bus.connect(own, "test")))
        for app in (APP, OTHER):
            await made.ask(cmd.CreateApp(app=app, name="a"), cmd.AppDescription, app)
        yield made


async def test_a_reader_gets_its_room_s_events_heads_and_answers_and_nothing_else(suite: Suite) -> None:
    made = await suite.token(room="lobby")
    async with suite.reader(made.token, inbox_prefix=subjects.reader_inbox(APP, made.jti)) as reader:
        await reader.follow(subjects.events_of_room(APP, "lobby"))
        heads: asyncio.Queue[bytes] = asyncio.Queue()

        async def head(message: Any) -> None:
            await heads.put(message.data)

        await reader.client.subscribe(subjects.room_head(APP, "lobby"), cb=head)
        await reader.client.flush()
        await suite.join("lobby", "ann")
        first, second = await reader.next(), await reader.next()
        assert [first.type, second.type, second.user_id] == ["room.opened.v1", "room.user_joined.v1", "ann"]
        async with asyncio.timeout(WITHIN_S):
            told = msgspec.json.decode(await heads.get(), type=RoomHead)
        assert (told.room, told.seq) == ("lobby", 2)
        answer = await reader.client.request(subjects.query(APP, "lobby", "replay"), b"{}", timeout=WITHIN_S)
        assert [view.seq for view in msgspec.json.decode(answer.data, type=Replay).events] == [1, 2]
        assert not reader.errors

        forbidden = (
            subjects.events_of_room(APP, "kitchen"), subjects.events_of_room(OTHER, "lobby"), subjects.ALL_EVENTS, ">", "parlour.>",
            subjects.ALL_HEADS, subjects.room_head(APP, "kitchen"), "_INBOX.>", "_INBOX.room.>", subjects.commands_of("room"),
            subjects.RELAY_FACTS, subjects.ALL_PRESENCE, "$SYS.REQ.USER.AUTH", "$SRV.PING", subjects.ALL_QUERIES,
        )  # fmt: skip
        for subject in forbidden:
            await reader.client.subscribe(subject)
            await reader.client.flush()
        spoken = (
            subjects.command(APP, "room", "lobby", "kick"), subjects.command(APP, "auth", "", "issue_token"),
            subjects.query(APP, "kitchen", "replay"), subjects.query(OTHER, "lobby", "replay"),
            subjects.events(APP, "lobby", "room"), subjects.room_head(APP, "lobby"), subjects.relay_command("r", "negotiate"),
            "$JS.API.INFO", "$JS.API.STREAM.LIST", "_INBOX.room.x", "$SYS.REQ.SERVER.PING", "$SYS._INBOX.x",
        )  # fmt: skip
        for subject in spoken:
            await reader.client.publish(subject, b"{}")
            await reader.client.flush()
        async with asyncio.timeout(WITHIN_S), reader.failing:
            await reader.failing.wait_for(lambda: len(reader.errors) >= len(forbidden) + len(spoken))
        assert all("permissions violation" in error for error in reader.errors)


async def test_an_answer_goes_to_an_inbox_of_the_asker_s_app_and_nowhere_else(suite: Suite) -> None:
    """NATS checks no permission for reply subjects: a reader could have texts put on another app's subjects."""
    theirs, ours = (await suite.token(app=OTHER)), await suite.token(app=APP)
    await suite.join("own", "eve", OTHER)
    await suite.join("hall", "ann")
    async with suite.reader(theirs.token) as attacker, suite.reader(ours.token) as victim:
        heard: list[tuple[str, bytes]] = []

        async def note(message: Any) -> None:
            heard.append((message.subject, message.data))

        for subject in (
            f"{subjects.PREFIX}.{APP}.evt.*.*.*",
            f"{subjects.PREFIX}.{APP}.head.*.*",
            f"{subjects.reader_inbox(APP, ours.jti)}.>",
        ):
            await victim.client.subscribe(subject, cb=note)
        await victim.client.flush()
        for reply in (
            subjects.events(APP, "hall", "im"), subjects.room_head(APP, "hall"), subjects.head(7), "",
            f"{subjects.reader_inbox(APP, ours.jti)}.x", "_INBOX", "_INBOX.>", "parlour.v1.x",
        ):  # fmt: skip
            for what in ("head", "replay", "snapshot"):
                await attacker.client.publish(subjects.query(OTHER, "own", what), b"{}", reply=reply)
        await attacker.client.flush()
        await suite.join("porch", "bob")  # its events come behind whatever was answered
        await eventually(lambda: any(".porch." in subject for subject, _ in heard), "events", timeout_s=WITHIN_S)
        for subject, data in heard:
            assert subject.startswith(f"{subjects.PREFIX}.{APP}."), (subject, data)
            room = named_room(subject, data)
            assert room is not None, (subject, data)
            assert subjects.encode_id(room) in subject.split("."), (subject, data)


def named_room(subject: str, data: bytes) -> str | None:
    """Returns the room that a head or an event names, empty for one of an app's own log; None for anything else."""
    try:
        return msgspec.json.decode(data, type=RoomHead if ".head." in subject else EventView).room
    except msgspec.ValidationError:
        return None


async def test_two_apps_with_one_jti_have_two_inboxes(suite: Suite) -> None:
    mine = subjects.reader_inbox(APP, "same")
    assert mine != subjects.reader_inbox(OTHER, "same")
    made = await suite.token(app=OTHER)
    async with suite.reader(made.token) as other:
        for subject in (f"{subjects.reader_inbox(APP, made.jti)}.>", f"_INBOX.s-{made.jti}.>"):
            await other.client.subscribe(subject)
            await other.client.flush()
        async with asyncio.timeout(WITHIN_S), other.failing:
            await other.failing.wait_for(lambda: len(other.errors) >= 2)


async def test_a_reader_that_asks_too_often_is_refused_and_others_are_answered(suite: Suite) -> None:
    hasty, calm = await suite.token(), await suite.token(app=OTHER)
    await suite.join("hall", "ann")
    await suite.join("own", "eve", OTHER)
    async with (
        suite.reader(hasty.token, inbox_prefix=subjects.reader_inbox(APP, hasty.jti)) as one,
        suite.reader(calm.token, inbox_prefix=subjects.reader_inbox(OTHER, calm.jti)) as two,
    ):
        asked = [one.client.request(subjects.query(APP, "hall", "replay"), b"{}", timeout=WITHIN_S) for _ in range(120)]
        answers = [json.loads(answer.data) for answer in await asyncio.gather(*asked)]
        refused = [answer["problem"]["code"] for answer in answers if "problem" in answer]
        assert set(refused) == {9000004}
        assert len(refused) >= 120 - 2 * 50, "fifty a second, and the questions may lie on both sides of one"
        answer = await two.client.request(subjects.query(OTHER, "own", "replay"), b"{}", timeout=WITHIN_S)
        assert msgspec.json.decode(answer.data, type=Replay).problem is None


async def test_a_question_that_is_too_large_is_refused(suite: Suite) -> None:
    made = await suite.token()
    await suite.join("hall", "ann")
    async with suite.reader(made.token, inbox_prefix=subjects.reader_inbox(APP, made.jti)) as reader:
        asked = b'{"after":0}' + b" " * NATS_PAYLOAD_MOST
        answer = await reader.client.request(subjects.query(APP, "hall", "replay"), asked, timeout=WITHIN_S)
        problem = json.loads(answer.data)["problem"]
        assert (problem["code"], problem["limit"]) == (9000002, f"{NATS_PAYLOAD_MOST} bytes")
        answer = await reader.client.request(subjects.query(APP, "hall", "replay"), b"{}", timeout=WITHIN_S)
        assert "problem" not in json.loads(answer.data)


async def test_a_connection_with_too_many_subscriptions_is_closed_and_does_not_come_again(suite: Suite) -> None:
    made, calm = await suite.token(), await suite.token()
    async with suite.reader(made.token) as reader, suite.reader(calm.token) as other:
        for n in range(NatsReaderLimits().subscriptions):
            await other.follow(subjects.events_of_room(APP, f"room-{n}"))
        for n in range(1_000):
            await reader.client.subscribe(subjects.events_of_room(APP, f"room-{n}"))
        async with asyncio.timeout(2 * WITHIN_S):
            await reader.gone.wait()
        assert await refused(suite, made.token)
        await other.client.flush()
        assert not other.gone.is_set()
    assert not await refused(suite, calm.token)


async def test_an_app_has_so_many_connections_and_another_app_has_its_own(suite: Suite) -> None:
    tokens = [await suite.token() for _ in range(READERS_PER_APP)]
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(suite.reader(made.token)) for made in tokens]
        assert await refused(suite, (await suite.token()).token)
        assert not await refused(suite, (await suite.token(app=OTHER)).token)
        await readers[0].client.close()
        late = (await suite.token()).token

        async def admitted() -> bool:
            return not await refused(suite, late)

        await eventually(admitted, "the token is admitted", timeout_s=WITHIN_S, poll_s=0.2)


async def refused(suite: Suite, token: str) -> bool:
    """Whether NATS lets nobody in with a token."""
    try:
        async with suite.reader(token):
            return False
    except nats.errors.Error as error:
        return "authorization violation" in str(error).lower()


async def test_a_number_beyond_the_record_s_is_refused_by_field(suite: Suite) -> None:
    made = await suite.token()
    await suite.join("hall", "ann")
    async with suite.reader(made.token, inbox_prefix=subjects.reader_inbox(APP, made.jti)) as reader:
        for number in (b"99999999999999999999", b"9223372036854775808", b"-1"):
            asked = b'{"after":%s}' % number
            answer = await reader.client.request(subjects.query(APP, "hall", "replay"), asked, timeout=WITHIN_S)
            problem = json.loads(answer.data)["problem"]
            assert "after" in problem.get("field", "") + problem["message"], problem
            assert "failed" not in problem["message"], problem


async def test_a_reader_of_one_room_need_not_know_its_partition(suite: Suite) -> None:
    async with suite.reader((await suite.token(room="porch")).token) as reader:
        await reader.follow(f"{subjects.PREFIX}.{APP}.evt.*.porch.*")
        await suite.join("yard", "eve")
        await suite.join("porch", "ann")
        assert (await reader.next()).room == "porch"
        assert not reader.errors


async def test_a_token_of_the_app_hears_all_its_rooms_and_no_other_s(suite: Suite) -> None:
    async with suite.reader((await suite.token()).token) as reader:
        await reader.follow(f"{subjects.PREFIX}.{APP}.evt.*.*.room")
        await suite.join("theirs", "eve", OTHER)
        await suite.join("one", "ann")
        await suite.join("two", "bob")
        heard = [(await reader.next()).room]
        while heard.count("two") < 2:
            heard.append((await reader.next()).room)
        assert heard.count("one") == 2
        assert "theirs" not in heard


async def test_nobody_comes_in_without_a_token_that_says_so(suite: Suite) -> None:
    good = (await suite.token()).token
    login = await suite.ask(cmd.IssueToken(user_id="ann"), cmd.TokenMade)
    head, payload, signature = good.split(".")
    bad = [
        "", "nonsense", login.token, (await suite.token("events")).token, (await suite.token("history", "webhooks")).token,
        f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{(await suite.token(room='x')).token.split('.')[1]}.{signature}",
    ]  # fmt: skip
    url = f"nats://127.0.0.1:{suite.server.port}"
    for token in bad:
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await nats.connect(url, token=token, allow_reconnect=False, error_cb=_quiet)
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(url, allow_reconnect=False, error_cb=_quiet)
    client = await nats.connect(url, user="anything", password=good, allow_reconnect=False, error_cb=_quiet)
    await client.close()


def drained(reader: Reader) -> list[EventView]:
    """What it got and nobody looked at."""
    return [reader.views.get_nowait() for _ in range(reader.views.qsize())]


async def _quiet(error: Exception) -> None:
    pass


async def test_it_is_cut_off_when_its_token_expires(suite: Suite) -> None:
    async with suite.reader((await suite.token(ttl_s=2)).token) as reader:
        await reader.follow(f"{subjects.PREFIX}.{APP}.evt.*.*.*")
        async with asyncio.timeout(WITHIN_S):
            await reader.gone.wait()
        with pytest.raises(nats.errors.Error):
            await reader.client.flush()


async def test_it_is_cut_off_when_its_user_is_kicked_and_does_not_come_again(suite: Suite) -> None:
    """Not when the user logs in elsewhere, nor from a room that the token does not cover; others stay."""
    for user in ("dan", "eve"):
        await suite.join("hall", user)
    here, everywhere = await suite.token(room="hall", user="dan"), await suite.token(user="dan")
    there, other = await suite.token(room="attic", user="dan"), await suite.token(room="hall", user="eve")
    async with AsyncExitStack() as stack:
        one, two, third, fourth = [
            await stack.enter_async_context(suite.reader(made.token)) for made in (here, everywhere, there, other)
        ]
        for reader in (one, two, third, fourth):
            await reader.follow(subjects.events_of_room(APP, "attic" if reader is third else "hall"))
        await suite.join("hall", "dan")
        while (await fourth.next()).type != "room.user_kicked.v1":
            pass
        assert not one.gone.is_set(), "a login elsewhere ends the session, not the user"
        await suite.ask(cmd.KickUser("dan", "rude"), room="hall")
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(one.gone.wait(), two.gone.wait())
        await suite.join("hall", "fay")
        seen = [await fourth.next()]
        while seen[-1].user_id != "fay":
            seen.append(await fourth.next())
        await third.client.flush()
        assert not third.gone.is_set()
        assert not [view for reader in (one, two) for view in drained(reader) if view.user_id == "fay"]
    url = f"nats://127.0.0.1:{suite.server.port}"
    for made in (here, everywhere):
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await nats.connect(url, token=made.token, allow_reconnect=False, error_cb=_quiet)


async def test_it_is_cut_off_when_its_token_is_revoked_and_others_stay(suite: Suite) -> None:
    of_one, of_two = await suite.token(), await suite.token(user="bob")
    stays = await suite.token()
    async with suite.reader(of_one.token) as one, suite.reader(of_two.token) as two, suite.reader(stays.token) as third:
        for reader in (one, two, third):
            await reader.follow(f"{subjects.PREFIX}.{APP}.evt.*.*.room")
        await suite.ask(cmd.RevokeSubscriptions(jti=of_one.jti))
        await suite.ask(cmd.RevokeSubscriptions(user_id="bob"))
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(one.gone.wait(), two.gone.wait())
        await suite.join("after", "ann")
        while (await third.next()).room != "after":
            pass
        assert not third.gone.is_set()
        assert not [view for reader in (one, two) for view in drained(reader) if view.room == "after"]
    url = f"nats://127.0.0.1:{suite.server.port}"
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(url, token=of_one.token, allow_reconnect=False, error_cb=_quiet)
