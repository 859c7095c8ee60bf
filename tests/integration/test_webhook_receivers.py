"""Receivers that are odd but within HTTP: what they say holds for the room that it was said of, and stops nothing else."""

import asyncio

import pytest
from aiohttp import web

from parlour.contracts import webhooks as ask
from parlour.kernel.log import LogKey
from parlour.record.adapters import webhook_sender
from parlour.record.domain.webhooks.attempts import parse_retry_after as read
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build
from parlour.runtime.settings import load
from parlour.testkit.harness.webhooks import QUICK, Environment, WebhookClient
from parlour.testkit.receiver import Came, Receiver

ONE_BY_ONE = 20
"""Successes of one room while others fail: enough for a pause that does not hold to be seen."""


@pytest.fixture
def patient(environment: Environment) -> RecordSettings:
    """The pauses of a production: far longer than a test."""
    long = {"PARLOUR_RECORD_WEBHOOK_FIRST_RETRY_S": "60", "PARLOUR_RECORD_WEBHOOK_LONGEST_RETRY_S": "600"}
    return load(RecordSettings, environment("record") | QUICK | long)


async def join_one_by_one(webhooks: WebhookClient, receiver: Receiver, key: LogKey) -> None:
    """Each event is written when the one before it has arrived, so that each is a success of its own."""
    for number in range(ONE_BY_ONE):
        await webhooks.join(key, f"u{number}")
        await receiver.until(lambda seq=number + 2: seq in receiver.seqs(key, "a"))


async def test_a_room_s_pause_holds_while_other_rooms_succeed(
    webhooks: WebhookClient, receiver: Receiver, patient: RecordSettings
) -> None:
    async with build(patient):
        hook = await webhooks.add(receiver.url("a"))
        well, limited, broken = [await webhooks.room() for _ in range(3)]
        await receiver.until(lambda: len(receiver.arrived) == 3)
        answers = {str(limited.uid): (429, {"retry-after": "5"}), str(broken.uid): (500, {})}

        async def behave(came: Came) -> web.Response:
            status, headers = answers.get(came.id.partition(":")[0], (200, {}))
            return web.Response(status=status, headers=headers)

        receiver.behave = behave
        for key in (limited, broken):
            await webhooks.join(key, "refused")
        await receiver.until(lambda: len(receiver.requests) == 5)
        await join_one_by_one(webhooks, receiver, well)
        refused = [came.id for came in receiver.requests if came.id.partition(":")[0] in answers][2:]
        assert sorted(refused) == sorted([f"{limited.uid}:2", f"{broken.uid}:2"])
        assert (await webhooks.do(ask.ListWebhooks(hook.id))).webhooks[0].lagging == 2


async def test_a_room_without_an_answer_is_tried_early_once(
    webhooks: WebhookClient, receiver: Receiver, patient: RecordSettings
) -> None:
    """An endpoint that is back gets what waits at once; one that breaks off at some rooms' events is not hurried by the others'."""
    async with build(patient):
        hook = await webhooks.add(receiver.url("a"))
        well, *failing = [await webhooks.room() for _ in range(3)]
        await receiver.until(lambda: len(receiver.arrived) == 3)

        async def behave(came: Came) -> web.Response:
            if not came.id.startswith(str(well.uid)):
                await asyncio.sleep(0.7)  # beyond the time that an answer is waited for
            return web.Response()

        receiver.behave = behave
        for key in failing:
            await webhooks.join(key, "unanswered")
        await webhooks.until_failed(hook, 2)
        await join_one_by_one(webhooks, receiver, well)
        await webhooks.until_failed(hook, 4)
        await webhooks.join(well, "last")
        await receiver.until(lambda: ONE_BY_ONE + 2 in receiver.seqs(well, "a"))
        failures = (await webhooks.do(ask.ListDeliveries(hook.id, failed=True))).deliveries
        assert sorted(one.webhook_id for one in failures) == sorted([f"{key.uid}:2" for key in failing] * 2)


async def test_dead_letters_of_a_room_are_sent_again_in_its_order(
    webhooks: WebhookClient, receiver: Receiver, environment: Environment
) -> None:
    poison = True

    async def behave(came: Came) -> web.Response:
        await asyncio.sleep(0.01 if came.id[-1] in "246" else 0.0)
        return web.Response(status=500 if poison else 200)

    receiver.behave = behave
    impatient = load(RecordSettings, environment("record") | QUICK | {"PARLOUR_RECORD_WEBHOOK_GIVE_UP_H": "0.0001"})
    async with build(impatient):
        hook = await webhooks.add(receiver.url("a"))
        keys = [await webhooks.room(joins=6) for _ in range(2)]
        await webhooks.until_listed(hook, lambda one: one.dead == 14)
        poison = False
        assert (await webhooks.do(ask.RedriveWebhook(hook.id, dead=True))).rooms == 2
        await receiver.until(lambda: len(receiver.arrived) >= 14)
        for key in keys:
            assert receiver.seqs(key, "a") == [1, 2, 3, 4, 5, 6, 7]


async def test_a_fault_in_one_attempt_stops_no_other_room(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an attempt raises, it failed; the next one is made, and the other rooms of the endpoint go on."""
    broken: list[str] = []

    def retry_after(text: str, now_s: float) -> float | None:
        if text == "surprise" and len(broken) < 2:
            broken.append(text)
            raise RuntimeError("nobody thought of this header")
        return read(text, now_s)

    monkeypatch.setattr(webhook_sender, "parse_retry_after", retry_after)

    async def behave(came: Came) -> web.Response:
        return web.Response(headers={"retry-after": "surprise"} if came.path == "odd" else {})

    receiver.behave = behave
    async with build(quick):
        hook = await webhooks.add(receiver.url("odd"))
        keys = [await webhooks.room(joins=3) for _ in range(2)]
        await receiver.until(lambda: all(receiver.seqs(key, "odd") == [1, 2, 3, 4] for key in keys))
        failures = await webhooks.until_failed(hook, 2)
        assert all("see its log" in one.error for one in failures)
        assert len(receiver.requests) == 8 + 2, "each event once, and once more for each fault"


async def test_a_2xx_with_a_body_that_stays_open_has_arrived(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n")
        await writer.drain()
        await reader.read()  # until the sender closes it
        writer.close()

    asked: list[bytes] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, build(quick):
        hook = await webhooks.add(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await webhooks.room(joins=1)
        delivered = await webhooks.until_delivered(hook, 2)
        assert [(one.status, one.attempt) for one in delivered] == [(202, 1), (202, 1)]
        assert len(asked) == 2


async def test_a_receiver_that_closes_after_each_answer_waits_for_no_retry(
    webhooks: WebhookClient, receiver: Receiver, patient: RecordSettings
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        if length:
            await reader.read(1)  # the next request, on a connection that was promised to stay
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, build(patient):
        hook = await webhooks.add(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await webhooks.room(joins=7)
        delivered = await webhooks.until_delivered(hook, 8)
        assert {one.attempt for one in delivered} == {1}


async def test_no_cookie_of_one_endpoint_is_shown_to_another(
    webhooks: WebhookClient, receiver: Receiver, quick: RecordSettings
) -> None:
    async def behave(came: Came) -> web.Response:
        answer = web.Response()
        answer.set_cookie("session", "of-the-first")
        return answer

    receiver.behave = behave
    async with build(quick):
        host = receiver.url("").replace("127.0.0.1", "localhost")
        first, second = await webhooks.add(f"{host}first"), await webhooks.add(f"{host}second")
        for hook in (first, second, first):
            assert (await webhooks.do(ask.TestWebhook(hook.id))).status == 200
    assert not [came.headers["cookie"] for came in receiver.requests if "cookie" in came.headers]
