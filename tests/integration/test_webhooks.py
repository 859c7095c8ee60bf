"""Webhooks from the real record to a real receiver that fails, hangs, says 410 and 429, while the record is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks
from aiohttp import web

from parlour.contracts import events as ev
from parlour.contracts import webhooks as ask
from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build
from parlour.runtime.postgres import PostgresUserKeyStore, create_pool
from parlour.runtime.settings import RuntimeSettings, load
from parlour.testkit.harness.webhooks import QUICK, WITHIN_S, Environment, WebhookClient
from parlour.testkit.receiver import Came, Receiver, yes


async def test_every_event_arrives_in_order_signed_and_as_a_cloudevent(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    async with build(quick):
        before = await webhooks.room()
        hook = await webhooks.add(receiver.url("a"))
        key = await webhooks.room(joins=3)
        foreign = await webhooks.room(joins=1, app=webhooks.app + 1)
        await webhooks.write(key, ev.PlayStarted("v", "s", str(uuid4()), "n", "t"))
        await webhooks.write(key, ev.BroadcastSent("s-u0", await webhooks.people.actor(webhooks.app, "u0"), "hello"))
        await receiver.until(lambda: receiver.seqs(key, "a") == [1, 2, 3, 4, 6])
        assert not receiver.seqs(before, "a")
        assert not receiver.seqs(foreign, "a")
        joined = receiver.arrived[1]
        assert joined.headers["content-type"] == "application/cloudevents+json"
        event = joined.event
        assert (event["specversion"], event["id"], event["type"]) == ("1.0", f"{key.uid}:2", "room.user_joined.v1")
        assert event["source"] == f"/apps/{webhooks.app}/rooms/{key.room}"
        assert event["sequence"] == "2".zfill(20)
        assert event["data"]["userID"] == "u0"
        assert event["data"]["data"]["userName"] == "U0"
        standardwebhooks.Webhook(hook.secret).verify(joined.body, joined.headers)

        second = await webhooks.do(ask.RotateWebhook(hook.id, overlap_s=3600))
        assert second.secret != hook.secret
        (listed,) = (await webhooks.do(ask.ListWebhooks())).webhooks
        assert not listed.secret
        await webhooks.join(key, "late")
        await receiver.until(lambda: 7 in receiver.seqs(key, "a"))

        def signed_with_both() -> bool:
            last = receiver.arrived[-1]
            return len(last.headers["webhook-signature"].split()) == 2

        number = 7
        async with asyncio.timeout(WITHIN_S):  # the worker hears of a new secret within a second
            while not signed_with_both():
                number += 1
                await webhooks.join(key, f"later{number}")
                await receiver.until(lambda seq=number: seq in receiver.seqs(key, "a"))
        for secret in (hook.secret, second.secret):
            last = receiver.arrived[-1]
            standardwebhooks.Webhook(secret).verify(last.body, last.headers)


async def test_filters_choose_rooms_types_and_audience(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    async with build(quick):
        await webhooks.add(receiver.url("joins"), types=("room.user_*",))
        await webhooks.add(receiver.url("all"), audit=True)
        key = await webhooks.room(joins=1)
        await webhooks.add(receiver.url("one-room"), rooms=(key.room,))
        other = await webhooks.room(joins=1)
        await webhooks.write(key, ev.PlayStarted("v", "s", str(uuid4()), "n", "t"))
        await webhooks.join(key, "end")
        await receiver.until(lambda: receiver.seqs(key, "one-room") == [4])
        await receiver.until(lambda: receiver.seqs(key, "all") == [1, 2, 3, 4])
        await receiver.until(lambda: receiver.seqs(key, "joins") == [2, 4] and receiver.seqs(other, "joins") == [2])
        assert not receiver.seqs(other, "one-room")


async def test_one_that_fails_and_one_that_hangs_hold_up_nobody_and_get_all_in_order(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    asked: dict[str, int] = {}
    well = asyncio.Event()

    async def behave(came: Came) -> web.Response:
        if came.path == "good" or well.is_set():
            return web.Response()
        asked[came.id] = asked.get(came.id, 0) + 1
        if came.path == "hangs":
            await asyncio.sleep(5)
        choices = (web.Response(status=500), web.Response(status=302, headers={"location": receiver.url("good")}))
        slower = web.Response(status=429, headers={"retry-after": "1"})
        return (*choices, slower, web.Response())[min(asked[came.id], 4) - 1]

    receiver.behave = behave
    async with build(quick):
        for path in ("good", "fails", "hangs"):
            await webhooks.add(receiver.url(path))
        keys = [await webhooks.room(joins=3) for _ in range(3)]
        everything = [1, 2, 3, 4]
        await receiver.until(lambda: all(receiver.seqs(key, "good") == everything for key in keys))
        assert not any(receiver.seqs(key, "hangs") for key in keys)
        await receiver.until(lambda: any(receiver.seqs(key, "fails") for key in keys))
        well.set()
        for path in ("fails", "hangs"):
            await receiver.until(lambda path=path: all(receiver.seqs(key, path) == everything for key in keys))
        assert all(receiver.seqs(key, "good") == everything for key in keys), "a redirect is not followed"


async def test_410_disables_and_enabling_goes_on_where_it_stood(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    gone = True

    async def behave(came: Came) -> web.Response:
        return web.Response(status=410 if gone and came.path == "a" else 204)

    receiver.behave = behave
    async with build(quick):
        hook = await webhooks.add(receiver.url("a"))
        await webhooks.add(receiver.url("b"))
        key = await webhooks.room(joins=2)
        await receiver.until(lambda: any(one.path == "a" for one in receiver.requests))
        listed = await webhooks.until_listed(hook, lambda one: not one.enabled)
        assert "410" in listed.reason
        tried = [one.path for one in receiver.requests].count("a")
        await webhooks.join(key, "while-off")
        await receiver.until(lambda: receiver.seqs(key, "b") == [1, 2, 3, 4])
        assert [one.path for one in receiver.requests].count("a") == tried, "a disabled endpoint is left alone"
        gone = False
        await webhooks.do(ask.SetWebhook(hook.id, enabled=True))
        await receiver.until(lambda: receiver.seqs(key, "a") == [1, 2, 3, 4])


async def test_what_is_given_up_is_a_dead_letter_and_can_be_sent_again(
    webhooks: WebhookClient, receiver: Receiver, environment: Environment
) -> None:
    poison = True

    async def behave(came: Came) -> web.Response:
        return web.Response(status=500 if poison and came.id.endswith(":2") else 200)

    receiver.behave = behave
    impatient = load(RecordSettings, environment("record") | QUICK | {"PARLOUR_RECORD_WEBHOOK_GIVE_UP_H": "0.0002"})
    async with build(impatient):
        hook = await webhooks.add(receiver.url("a"))
        key = await webhooks.room(joins=3)
        await receiver.until(lambda: receiver.seqs(key, "a") == [1, 3, 4])
        await webhooks.until_listed(hook, lambda one: one.dead == 1 and one.lagging == 0)
        (dead,) = (await webhooks.do(ask.ListDead(hook.id))).dead
        assert (dead.room_uid, dead.first, dead.last, dead.error) == (str(key.uid), 2, 2, "HTTP 500")
        failures = (await webhooks.do(ask.ListDeliveries(hook.id, failed=True))).deliveries
        assert {one.webhook_id for one in failures} == {f"{key.uid}:2"}
        assert [one.attempt for one in failures] == list(range(len(failures), 0, -1))
        poison = False
        assert (await webhooks.do(ask.RedriveWebhook(hook.id, dead=True))).rooms == 1
        await receiver.until(lambda: 2 in receiver.seqs(key, "a"))
        assert (await webhooks.do(ask.ListDead(hook.id))).dead == ()

        arrived = len(receiver.arrived)
        await webhooks.do(ask.RedriveWebhook(hook.id, room_uid=str(key.uid), first=2, last=3))
        await receiver.until(lambda: len(receiver.arrived) >= arrived + 2)
        assert [one.id for one in receiver.arrived[arrived:]] == [f"{key.uid}:2", f"{key.uid}:3"]
        since = min(record.at for record in await webhooks.log.read(key.uid, 0, 9))
        arrived = len(receiver.arrived)
        assert (await webhooks.do(ask.RedriveWebhook(hook.id, since=since, until=2**62))).rooms == 1
        await receiver.until(lambda: len(receiver.arrived) >= arrived + 4)
        assert [one.id for one in receiver.arrived[arrived:]] == [f"{key.uid}:{seq}" for seq in (1, 2, 3, 4)]


async def test_a_retry_after_an_erasure_shows_the_person_erased(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings, environment: Environment
) -> None:
    async def no(came: Came) -> web.Response:
        return web.Response(status=500)

    receiver.behave = no
    async with build(quick):
        await webhooks.add(receiver.url("a"), types=("room.user_joined.v1",))
        key = await webhooks.room()
        await webhooks.join(key, "ann")
        await receiver.until(lambda: bool(receiver.requests))
        assert receiver.requests[0].event["data"]["data"]["userID"] == "ann"
    eraser = load(RuntimeSettings, environment("auth"))
    pool = await create_pool(eraser.postgres_dsn, name="test")
    assert await PostgresUserKeyStore(pool, eraser.master_key).erase(webhooks.app, "ann")
    await pool.close()
    receiver.behave = yes
    async with build(quick):
        await receiver.until(lambda: bool(receiver.arrived))
    last = receiver.arrived[0]
    assert last.id == f"{key.uid}:2"
    assert last.event["data"]["erased"] is True
    told = last.event["data"]
    assert (told.get("userID", ""), told["data"]["userID"], told["data"]["userName"]) == ("", "", "")


async def test_a_record_killed_in_the_middle_loses_nothing(
    webhooks: WebhookClient, receiver: Receiver, environment: Environment
) -> None:
    """Duplicates are allowed, with the same webhook-id and the same event; order within a room is not broken."""
    variables = {"PATH": os.environ["PATH"]} | environment("record") | QUICK
    refused: set[str] = set()

    async def behave(came: Came) -> web.Response:
        if came.id.endswith(("3", "7")) and came.id not in refused:
            refused.add(came.id)
            return web.Response(status=503)
        await asyncio.sleep(0.002)
        return web.Response()

    receiver.behave = behave

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "parlour.record", env=variables, stdout=asyncio.subprocess.DEVNULL
        )

    process = await start()
    try:
        hook = await asked_until_there(webhooks, lambda: webhooks.add(receiver.url("a")))
        keys = [await webhooks.room() for _ in range(4)]
        for call in range(3):
            for number in range(6):
                for key in keys:
                    await webhooks.join(key, f"u{call}-{number}")
            await receiver.until(lambda: len(receiver.arrived) > 20)
            process.send_signal(signal.SIGKILL)
            await process.wait()
            process = await start()
        whole = list(range(1, 20))
        await receiver.until(lambda: all(receiver.seqs(key, "a") == whole for key in keys))
    finally:
        process.kill()
        await process.wait()
    assert hook.enabled
    first: dict[str, Any] = {}
    for came in receiver.arrived:
        assert first.setdefault(came.id, came.event) == came.event


async def asked_until_there(webhooks: WebhookClient, question: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await question()
            except Rejection:
                await asyncio.sleep(0.1)


async def test_of_two_replicas_one_delivers_and_the_other_takes_over(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    first, second = build(quick), build(quick)
    await first.__aenter__()
    await webhooks.add(receiver.url("a"))
    key = await webhooks.room(joins=2)
    await receiver.until(lambda: receiver.seqs(key, "a") == [1, 2, 3])
    await second.__aenter__()
    await webhooks.join(key, "both")
    await receiver.until(lambda: receiver.seqs(key, "a") == [1, 2, 3, 4])
    await first.__aexit__(None, None, None)
    await webhooks.join(key, "one")
    await receiver.until(lambda: receiver.seqs(key, "a") == [1, 2, 3, 4, 5])
    await second.__aexit__(None, None, None)
    assert len(receiver.arrived) == 5, "nothing was sent twice"


async def test_the_vendor_s_callbacks_are_a_second_form(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    import hashlib

    async with build(quick):
        hook = await webhooks.add(receiver.url("a"), format="callbacks")
        key = await webhooks.room()
        ann = await webhooks.join(key, "ann")
        await webhooks.write(key, ev.StreamAdded("cam", ann.session_id, ann.actor, "n", "t", codec="VP8"))
        await webhooks.write(key, ev.StreamUpdated("cam", ann.session_id, ann.actor, "n", "t"))
        await webhooks.write(key, ev.StreamRemoved("cam", ann.session_id, ann.actor, 4))
        await webhooks.write(key, ev.UserKicked(ann.session_id, ann.actor, 1002055))
        await webhooks.write(key, ev.RoomClosed("closed_by_server"))
        await receiver.until(lambda: receiver.seqs(key, "a") == [1, 2, 3, 5, 6, 7])
    told = [came.event for came in receiver.arrived]
    names = ["room_create", "room_login", "stream_create", "stream_close", "room_logout", "room_close"]
    assert [one["event"] for one in told] == names
    logout = told[4]
    assert (logout["user_account"], logout["user_nickname"], logout["reason"]) == ("ann", "Ann", "3")
    assert logout["login_time"] == told[1]["login_time"]
    assert (told[3]["type"], told[3]["create_time_ms"]) == ("3", told[2]["create_time_ms"])
    parts = sorted((hook.secret, logout["timestamp"], logout["nonce"]))
    assert logout["signature"] == hashlib.sha1("".join(parts).encode()).hexdigest()


EXITS: dict[str, Callable[[ev.UserJoined], ev.Event]] = {
    "0": lambda user: ev.UserLeft(user.session_id, user.actor, "logout"),
    "1": lambda user: ev.UserLeft(user.session_id, user.actor, "heartbeat_timeout"),
    "2": lambda user: ev.UserLeft(user.session_id, user.actor, "disconnected"),
    "3": lambda user: ev.UserKicked(user.session_id, user.actor, Code.KICKED_BY_SERVER),
}
"""The vendor's `reason` and `close_reason`, and the exit that each stands for."""


async def test_callbacks_say_how_each_user_left_and_how_the_last_one_did(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    async with build(quick):
        await webhooks.add(receiver.url("a"), format="callbacks", types=("room.*",))
        keys = {reason: await webhooks.room() for reason in EXITS}
        for reason, key in keys.items():
            first, last = await webhooks.join(key, "first"), await webhooks.join(key, "last")
            await webhooks.write(key, ev.StreamAdded("cam", last.session_id, last.actor, "n", "t", codec="VP8"))
            other = "0" if reason == "1" else "1"
            await webhooks.write(key, EXITS[other](first), EXITS[reason](last))
            await webhooks.write(key, ev.StreamRemoved("cam", last.session_id, last.actor, 1))
            await webhooks.write(key, ev.RoomClosed("empty"))
        closed = await webhooks.room(joins=1)
        await webhooks.write(
            closed, ev.UserLeft("s-u0", await webhooks.people.actor(webhooks.app, "u0"), "disconnected")
        )
        await webhooks.write(closed, ev.RoomClosed("empty", "operator"))
        await receiver.until(lambda: sum(came.event["event"] == "room_close" for came in receiver.arrived) == 5)
    told = {(came.event["room_id"], came.event["event"]): came.event for came in receiver.arrived}
    for reason, key in keys.items():
        assert told[key.room, "room_logout"]["reason"] == reason, "of who left last"
        assert told[key.room, "room_close"]["close_reason"] == reason
    assert told[closed.room, "room_close"]["close_reason"] == "0", "whoever closed it gave that reason"


async def test_an_operator_tries_looks_and_is_refused_what_is_not_theirs(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    async with build(quick):
        hook = await webhooks.add(receiver.url("a"))
        done = await webhooks.do(ask.TestWebhook(hook.id))
        assert (done.status, done.type) == (200, "webhook.test")
        assert receiver.arrived[0].event["type"] == "webhook.test"
        (noted,) = (await webhooks.do(ask.ListDeliveries(hook.id))).deliveries
        assert noted.webhook_id == done.webhook_id == receiver.arrived[0].id

        twice = ask.AddWebhook(url=receiver.url("b"), command_id=str(uuid4()))
        assert (await webhooks.do(twice)).secret == (await webhooks.do(twice)).secret
        for question in (ask.TestWebhook(hook.id), ask.RemoveWebhook(hook.id), ask.ListDeliveries(hook.id)):
            with pytest.raises(Rejection) as refused:
                await webhooks.do(question, app=webhooks.app + 1)
            assert refused.value.problem.code == Code.NOT_FOUND
        assert (await webhooks.do(ask.ListWebhooks(), app=webhooks.app + 1)).webhooks == ()
        wrong: list[dict[str, Any]] = [
            {"format": "xml"}, {"types": ("",)}, {"rooms": ("a*b",)}, {"rooms": ("r",) * 101}, {"secret": "short"}
        ]  # fmt: skip
        for fields in wrong:
            with pytest.raises(Rejection) as invalid:
                await webhooks.add(receiver.url("c"), **fields)
            assert invalid.value.problem.field in fields
        await webhooks.do(ask.RemoveWebhook(hook.id))
        assert len((await webhooks.do(ask.ListWebhooks())).webhooks) == 1


INNER = (
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/", "http://0:{port}/", "http://0.0.0.0:{port}/", "http://localhost:{port}/", "http://LOCALHOST:{port}/",
    "http://[::1]:{port}/", "http://[::]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://１２７.0.0.1:{port}/", "http://127。0。0。1:{port}/",
    "http://127.0.0.1.:{port}/", "http://①②⑦.0.0.1:{port}/", "https://127.0.0.1:{port}/", "https://169.254.169.254/latest",
    "http://u:p@127.0.0.1:{port}/", "http://8.8.8.8:{port}/", "ftp://127.0.0.1:{port}/", "file:///etc/passwd", "//127.0.0.1:{port}/",
    "http:///x", "http://[fe80::1%25lo]:{port}/", "", "gopher://127.0.0.1:{port}/", "http://127.0.0.1:{port}/#x", "https://x:0/",
)  # fmt: skip


async def test_no_spelling_reaches_this_machine(
    webhooks: WebhookClient, receiver: Receiver, environment: Environment
) -> None:
    careful = load(RecordSettings, environment("record") | QUICK | {"PARLOUR_RECORD_WEBHOOK_NETWORKS": ""})
    async with build(careful):
        for form in INNER:
            with pytest.raises(Rejection) as refused:
                await webhooks.add(form.format(port=receiver.port))
            assert refused.value.problem.field == "url", form
    assert not receiver.requests


async def test_a_name_that_changes_its_mind_is_looked_at_again(
    webhooks: WebhookClient, receiver: Receiver, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public when the endpoint is added, this machine when it is sent to."""
    loop = asyncio.get_running_loop()
    asked = loop.getaddrinfo
    answers = {"rebind.example": "8.8.8.8"}

    async def getaddrinfo(host: Any, port: Any, **how: Any) -> Any:
        return await asked(answers.get(host, host), port, **how)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    careful = load(RecordSettings, environment("record") | QUICK | {"PARLOUR_RECORD_WEBHOOK_NETWORKS": ""})
    async with build(careful):
        hook = await webhooks.add(f"https://rebind.example:{receiver.port}/")
        answers["rebind.example"] = "127.0.0.1"
        done = await webhooks.do(ask.TestWebhook(hook.id))
        assert (done.status, done.error) == (0, "the address is not on the public internet")
    assert not receiver.requests
