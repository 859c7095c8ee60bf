"""One test for each promise of GUARANTEES.md to readers outside of rooms; see test_guarantees.py."""

import asyncio
import base64
import hashlib
import json
import time
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec
import nats
import pytest
from aiohttp import web
from nats.aio.msg import Msg

from parlour.cli.embedded.launch import free_port
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.kernel.log import LogKey
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.testkit.client import Refusal, raw_client
from parlour.testkit.clock import uuid7
from parlour.testkit.faults.processes import Processes
from parlour.testkit.suite import Suite
from parlour.testkit.units import append, new_log, unit
from parlour.testkit.waiting import eventually

WITHIN_S = 15.0
DAY_US = 86_400 * 1_000_000
GONE_ON = "what comes after"
_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"outside-{next(_numbers)}"


async def say(suite: Suite, room: str, *texts: str) -> str:
    """A user of the room's own enters, says something and leaves; the id of its call."""
    user = f"{room}-ann"
    async with raw_client(suite.url) as ann:
        answer = await ann.login(suite.app_id, room, user, suite.dev_token(user))
        for text in texts:
            await ann.ask("barrage", roomID=room, message=text)
    return str(answer["position"]).split(".")[0]


def subscription(suite: Suite, room: str, *scopes: str) -> str:
    """A token for the room."""
    chosen = [part for scope in ("events", *scopes) for part in ("--scope", scope)]
    return suite.run("token", "--subscribe", "--room", room, *chosen).stdout.strip()


def token_of(suite: Suite, room: str) -> dict[str, str]:
    """The header of one who may read the room."""
    return {"Authorization": f"Bearer {subscription(suite, room)}"}


async def test_a_conditional_command_is_not_done_elsewhere(doubled: Suite, room: str) -> None:
    async with raw_client(doubled.url) as ann:
        answer = await ann.login(doubled.app_id, room, f"{room}-ann", doubled.dev_token(f"{room}-ann"))
        seq = int(str(answer["position"]).split(".")[1])
        await ann.ask("barrage", roomID=room, message="the room moves on")
        refused = 0
        try:
            await ann.ask("barrage", roomID=room, message="too late", ifSeq=seq)
        except Refusal as refusal:
            refused = refusal.code
    assert refused == 9000006
    assert "too late" not in [event["data"].get("text") for event in doubled.events(room)]


async def test_a_token_of_one_room_reads_no_other(doubled: Suite, room: str) -> None:
    await say(doubled, room, "not for everybody")
    headers = token_of(doubled, f"{room}-other")
    async with aiohttp.ClientSession(doubled.url, headers=headers) as http:
        answers = [await http.get(f"/v1/rooms/{name}/events") for name in (room, f"{room}-never-was")]
        assert [answer.status for answer in answers] == [403, 403]
        told = [json.loads(await answer.text()) for answer in answers]
    assert told[0] == told[1]
    token = headers["Authorization"].removeprefix("Bearer ")
    async with raw_client(doubled.url) as follower:
        for name in (room, f"{room}-never-was"):
            with pytest.raises(Refusal) as refused:
                await follower.ask("subscribe", roomID=name, token=token)
            assert refused.value.code == Code.FORBIDDEN


async def test_who_reads_over_nats_hears_no_other_room(doubled: Suite, room: str) -> None:
    heard: set[str] = set()
    own = asyncio.Event()

    async def hear(message: Msg) -> None:
        heard.add(json.loads(message.data)["room"])
        if room in heard:
            own.set()

    client = await nats.connect(doubled.nats, token=subscription(doubled, room, "audit"), error_cb=expected)
    try:
        for name in (f"{room}-other", room):
            await client.subscribe(subjects.events_of_room(doubled.app_id, name), cb=hear)
        for _ in range(2):  # the first ping may overtake the subscriptions
            await client.flush()
        await say(doubled, f"{room}-other", "not for everybody")
        await say(doubled, room, "for those of the room")
        async with asyncio.timeout(WITHIN_S):
            await own.wait()
    finally:
        await client.close()
    assert heard == {room}


async def expected(error: Exception) -> None:
    """NATS refuses a subscription in passing."""


async def test_a_revoked_token_is_cut(doubled: Suite, room: str) -> None:
    await say(doubled, room, "one")
    headers = token_of(doubled, room) | {"Accept": "text/event-stream"}
    async with (
        aiohttp.ClientSession(doubled.url, headers=headers) as http,
        http.get(f"/v1/rooms/{room}/events") as stream,
        raw_client(doubled.url) as follower,
    ):
        assert stream.status == 200
        await follower.ask("subscribe", roomID=room, token=headers["Authorization"].removeprefix("Bearer "))
        await stream.content.readuntil(b"\n\n")
        await asyncio.to_thread(doubled.run, "revoke", "--room", room)
        ended = False
        try:
            async with asyncio.timeout(WITHIN_S):
                async for line in stream.content:
                    ended = ended or line.strip() == b"event: end"
        except TimeoutError:
            pass
        assert ended
        end = await follower.wait_for(lambda frame: frame["t"] == "end")
        assert end["code"] == Code.TOKEN_REFUSED
        assert (await http.get(f"/v1/rooms/{room}/events")).status == 401


async def test_what_an_endpoint_did_not_take_is_sent_again(doubled: Suite, room: str) -> None:
    tried: list[str] = []
    taken: list[str] = []
    both = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        text = (await request.json())["data"]["data"].get("text", "")
        tried.append(text)
        if tried.count(text) == 1:
            return web.Response(status=503)
        taken.append(text)
        if GONE_ON in taken:
            both.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made: dict[str, Any] = json.loads(
        doubled.run("webhooks", "add", f"http://127.0.0.1:{port}/", "--room", room, "--type", "im.*", "--json").stdout
    )
    try:
        await say(doubled, room, "one", GONE_ON)
        try:
            async with asyncio.timeout(WITHIN_S):
                await both.wait()
        except TimeoutError:
            pass
    finally:
        await asyncio.to_thread(doubled.run, "webhooks", "remove", str(made["id"]), "--yes")
        await runner.cleanup()
    assert taken == ["one", GONE_ON]


async def test_who_is_erased_can_be_read_nowhere(doubled: Suite, processes: Processes, room: str) -> None:
    await say(doubled, room, "what I would rather not have said")
    before = await asyncio.to_thread(doubled.events, room)
    await asyncio.to_thread(doubled.run, "privacy", "erase", f"{room}-ann", "--yes", timeout_s=60)
    after = before
    for _ in range(5):  # each asks a process of its own, and takes longer than it may take until all have heard
        after = await asyncio.to_thread(doubled.events, room)
        if "rather not" not in str(after):
            break
    for name in (
        "record",
        "record-2",
    ):  # one that was asked may have forgotten; one that starts anew has nothing but the key
        await processes.back(name, processes.kill(name))
    after = [*after, *await asyncio.to_thread(doubled.events, room)]
    assert "rather not" in str(before)
    assert "rather not" not in str(after)
    assert f"{room}-ann" not in str(after)
    assert [event["hash"] for event in after[: len(before)]] == [event["hash"] for event in before]


async def test_a_changed_event_is_named(doubled: Suite, room: str, tmp_path: Path) -> None:
    call = await say(doubled, room, "one", "two")
    export = tmp_path / "call.jsonl"
    await asyncio.to_thread(doubled.run, "audit", "export", call, "-o", str(export), "--by", "test", "--wait", "0")
    assert (await asyncio.to_thread(doubled.run, "audit", "verify", str(export), "--unsigned-ok")).returncode == 0
    lines = export.read_text().splitlines(keepends=True)
    event = json.loads(lines[3])
    envelope = base64.b64decode(event["env"]).replace(b'"sessionID":"', b'"sessionID":"x')
    view = {**event["view"], "sessionID": f"x{event['view']['sessionID']}"}  # only the hash tells it
    changed = {**event, "env": base64.b64encode(envelope).decode(), "view": view}
    lines[3] = json.dumps(changed, separators=(",", ":")) + "\n"
    export.write_text("".join(lines))
    done = await asyncio.to_thread(doubled.run, "audit", "verify", str(export), check=False)
    assert done.returncode == 1
    assert f"event {event['seq']}" in done.stdout + done.stderr


async def test_forged_words_in_an_export_are_named(doubled: Suite, room: str, tmp_path: Path) -> None:
    call = await say(doubled, room, "I reject the payment")
    export = tmp_path / "call.jsonl"
    await asyncio.to_thread(doubled.run, "audit", "export", call, "-o", str(export), "--by", "test", "--wait", "0")
    fine = await asyncio.to_thread(doubled.run, "audit", "verify", str(export), "--unsigned-ok")
    assert "sealed texts (messages, names) among it" in fine.stdout
    written = export.read_text()
    assert written.count("I reject the payment") == 1
    export.write_text(written.replace("I reject the payment", "I approve the payment"))
    done = await asyncio.to_thread(doubled.run, "audit", "verify", str(export), "--unsigned-ok", check=False)
    assert done.returncode == 1, done.stdout
    assert 'shown as "I approve the payment", which is not what was recorded' in done.stdout


async def an_old_life(suite: Suite) -> tuple[asyncpg.Connection, LogKey]:
    """A room that was over months ago, as if it had been recorded then; written by the database's owner."""
    dsn = str(suite.status()["postgres"])
    old_us = time.time_ns() // 1000 - 100 * DAY_US
    key = msgspec.structs.replace(new_log(app=suite.app_id), uid=uuid7(old_us, next(_numbers)))
    async with await create_pool(dsn, name="test") as pool:
        await PostgresLog(pool).append((unit(append(key, 3, creates=True)), unit(append(key, closes=True))))
    owner = await asyncpg.connect(dsn)
    await owner.execute("UPDATE parlour.log SET last_event_at = $2 WHERE uid = $1", key.uid, old_us)
    return owner, key


def retention(suite: Suite, verb: str) -> dict[str, Any]:
    """`parlour retention …`; it ends with 1 where something due stays."""
    return json.loads(suite.run("retention", verb, "--json", timeout_s=60, check=False).stdout)


async def test_no_month_is_dropped_before_its_export_was_verified(doubled: Suite, tmp_path: Path) -> None:
    owner, key = await an_old_life(doubled)
    change = "UPDATE parlour.event SET appended_at = appended_at + $2 WHERE room_uid = $1 AND seq = 2"
    count = "SELECT count(*) FROM parlour.event WHERE room_uid = $1"
    try:
        leaf = "SELECT true FROM parlour.tree_leaf WHERE room_uid = $1"
        await eventually(lambda: owner.fetchval(leaf, key.uid), "a leaf of the call", timeout_s=WITHIN_S, poll_s=0.2)
        await owner.execute(change, key.uid, 1)
        refused = await asyncio.to_thread(retention, doubled, "run")
        assert await owner.fetchval(count, key.uid) == 4
        assert "event 2 was changed" in refused["archives"][0]["problem"]
        await owner.execute(change, key.uid, -1)
        done = await asyncio.to_thread(retention, doubled, "run")
        assert await owner.fetchval(count, key.uid) == 0
    finally:
        await owner.close()
    archive = done["archives"][0]
    file = Path(done["folder"]) / archive["file"]
    assert (archive["calls"], hashlib.sha256(file.read_bytes()).hexdigest()) == (1, archive["sha256"])
    (tmp_path / "keys").write_text((await asyncio.to_thread(doubled.run, "audit", "keys")).stdout)
    verified = await asyncio.to_thread(doubled.run, "audit", "verify", str(file), "--key", str(tmp_path / "keys"))
    assert "1 call, 4 events" in verified.stdout


async def test_who_is_banned_cannot_log_in(doubled: Suite, room: str) -> None:
    user = f"{room}-bob"
    doubled.run("ban", "--user", user, "--for", "1h")
    answers: list[int] = []
    for name in (room, f"{room}-2", f"{room}-3", f"{room}-4"):  # of both replicas
        async with raw_client(doubled.url) as bob:
            try:
                await bob.login(doubled.app_id, name, user, doubled.dev_token(user))
                answers.append(0)
            except Refusal as refusal:
                answers.append(refusal.code)
    assert answers == [Code.BANNED] * 4
