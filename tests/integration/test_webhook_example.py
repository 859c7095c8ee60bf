"""examples/webhook_receiver.py behind the real record: it has each event once over its deaths, and takes nothing from anybody else."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import ClientConnectionError, ClientSession

from parlour.cli.embedded.launch import free_port
from parlour.contracts import webhooks as ask
from parlour.record.domain.webhooks.signing import signature_headers as signed
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build
from parlour.testkit.harness.webhooks import WITHIN_S, WebhookClient
from parlour.testkit.programs import program
from parlour.testkit.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "webhook_receiver.py"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DEATHS = 3


def stored(file: Path) -> list[str]:
    """The ids in the receiver's file, in the order in which they came."""
    events = sqlite3.connect(file)
    try:
        return [row[0] for row in events.execute("SELECT id FROM event ORDER BY rowid")]
    finally:
        events.close()


async def answered(port: int, body: bytes, headers: dict[str, str]) -> int:
    """The receiver's status, once it listens."""
    async with asyncio.timeout(WITHIN_S), ClientSession() as session:
        while True:
            try:
                async with session.post(f"http://127.0.0.1:{port}/", data=body, headers=headers) as answer:
                    return answer.status
            except ClientConnectionError:
                await asyncio.sleep(0.05)


async def test_each_event_is_taken_once_over_the_receiver_s_deaths(
    webhooks: WebhookClient, quick: RecordSettings, tmp_path: Path
) -> None:
    port, file = free_port(), tmp_path / "events.db"
    arguments = (str(port), str(file))
    async with program(EXAMPLE, *arguments, PARLOUR_WEBHOOK_SECRET=SECRET) as receiver, build(quick):
        assert await answered(port, b"{}", {}) == 401
        hook = await webhooks.add(f"http://127.0.0.1:{port}/", secret=SECRET)
        assert (await webhooks.do(ask.TestWebhook(hook.id))).status == 200
        await receiver.printed("webhook.test")
        keys = [await webhooks.room() for _ in range(2)]
        for death in range(DEATHS):
            for number in range(5):
                for key in keys:
                    await webhooks.join(key, f"u{death}-{number}")
            await receiver.kill()
            await receiver.start(*arguments)
        for key in keys:
            await receiver.printed(f'"roomUID": "{key.uid}", "seq": {1 + 5 * DEATHS},')
            await webhooks.do(ask.RedriveWebhook(hook.id, room_uid=str(key.uid)))
        last = await webhooks.join(keys[0], "last")
        await receiver.printed(last.session_id)
        await until_redriven(webhooks, hook, 2 * (1 + 5 * DEATHS))
    ids = stored(file)
    whole = [[f"{key.uid}:{seq}" for seq in range(1, 2 + 5 * DEATHS)] for key in keys]
    assert sorted(ids[1:]) == sorted([*whole[0], *whole[1], f"{keys[0].uid}:{2 + 5 * DEATHS}"])
    for one in whole:
        assert [id_ for id_ in ids if id_ in one] == one, "in the room's order"
    printed = [line for line in receiver.lines if "webhook.test" not in line]
    assert len(ids) - 1 <= len(printed) <= len(ids) - 1 + DEATHS, "twice only what a death cut off"


async def until_redriven(webhooks: WebhookClient, hook: ask.Webhook, again: int) -> None:
    """So many events arrived a second time."""

    async def repeated() -> bool:
        found: ask.Deliveries = await webhooks.do(ask.ListDeliveries(hook.id, limit=500))
        arrived = [one.webhook_id for one in found.deliveries if one.status == 200]
        return len(arrived) - len(set(arrived)) >= again

    await eventually(repeated, f"{again} events twice", timeout_s=WITHIN_S, poll_s=0.05)


async def test_what_is_not_from_parlour_is_not_taken(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "events.db"
    id_ = str(uuid4())
    body = f'{{"id": "{id_}", "type": "room.opened.v1", "data": {{}}}}'.encode()
    now_s = int(time.time())
    good = signed(id_, now_s, body, (SECRET,))
    other = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    attempts: list[tuple[bytes, dict[str, Any], int]] = [
        (body, {}, 401),
        (body, signed(id_, now_s, body, (other,)), 401),
        (body, signed(id_, now_s - 3600, body, (SECRET,)), 401),
        (body.replace(b"opened", b"closed"), good, 401),
        (b"x" * (2 << 20), good, 413),
    ]
    async with program(EXAMPLE, str(port), str(file), PARLOUR_WEBHOOK_SECRET=SECRET) as receiver:
        for sent, headers, status in attempts:
            assert await answered(port, sent, headers) == status
        assert not stored(file)
        assert await answered(port, body, good) == 200
        assert await answered(port, body, good) == 200
        assert stored(file) == [id_]
        assert receiver.lines == ["{}"]
