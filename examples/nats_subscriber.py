"""Follows a room over NATS with a stock client: each event once and in order, printed after its position.

PARLOUR_TOKEN=… python nats_subscriber.py ROOM POSITION nats://host:port …   (POSITION: of the last event printed; "" for the latest call)

The token is a subscription token: parlour token --subscribe --room ROOM --scope events --scope audit. NATS delivers at
most once: the program accepts an event only if it follows the last one. On any other event or a newer head it queries the record.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import re
import sys
import time
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

TOKEN = os.environ.get("PARLOUR_TOKEN", "")
ANSWER_S = 5
SILENT_S = 30
"""After this long without a message the record is queried, since heads too may be lost."""
WAITING_MOST = 1000
"""Messages buffered while the record is queried; more are dropped and fetched later."""
REFUSED_S = 60
"""NATS admits no readers while no `auth` runs; if it refuses for longer, the token counts as revoked."""
PASSING = {9000004, 9000010}
"""Codes of temporary refusals."""


class Follower:
    """Its position is a call of the room, the last printed event of it, and the first digits of that event's hash."""

    def __init__(self, room: str, held: str, claims: dict[str, Any]) -> None:
        app, name = claims["app"], encoded(room)
        self._heard = (f"parlour.v1.{app}.evt.*.{name}.*", f"parlour.v1.{app}.head.*.{name}")
        self._questions = f"parlour.v1.{app}.qry.{name}."
        self._inbox = f"_INBOX.s-{app}-{encoded(claims['jti'])}"
        self._call, seq, self._hash8 = held.split(".") if held else ("", "0", "")
        self._seq = int(seq)

    async def follow(self, server: str) -> None:
        """Follows the room on one connection, until an `Error` or `OSError` ends it."""
        news: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING_MOST)
        lost = asyncio.Event()

        def put(told: dict[str, Any]) -> None:
            lost.set() if news.full() else news.put_nowait(told)

        async def heard(message: Msg) -> None:
            if told := parsed(message.data):  # ignores anything else
                put(told)

        async def closed(*_: Exception) -> None:
            put({})

        calls: dict[str, Any] = {"closed_cb": closed, "error_cb": closed, "allow_reconnect": False}
        client = await nats.connect(server, token=TOKEN, inbox_prefix=self._inbox, ping_interval=10, **calls)  # pyright: ignore[reportUnknownMemberType]
        try:
            for subject in self._heard:
                await client.subscribe(subject, cb=heard)  # pyright: ignore[reportUnknownMemberType]
            await self._catch_up(client)  # its answer shows that the server has the subscriptions
            while True:
                told: dict[str, Any] = {}
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SILENT_S):
                        told = await news.get()
                if not told or lost.is_set() or not self._known(told):
                    lost.clear()
                    await self._catch_up(client)
        finally:
            await client.close()

    def _known(self, told: dict[str, Any]) -> bool:
        """Prints an event if it is the next one. Returns whether no events are missing up to this event or head."""
        call, seq = told["roomUID"], told["seq"]  # the ids of later calls are greater
        if "prev" in told and call == self._call and seq == self._seq + 1 and told["prev"].startswith(self._hash8):
            self._take(told)
        return (call, seq) <= (self._call, self._seq)

    async def _catch_up(self, client: Client) -> None:
        """Prints the events that the record has after the position: the rest of that call, then the latest call."""
        latest = (await self._ask(client, "head")).get("roomUID", "")
        for call in sorted({self._call, latest} - {""}):
            if call > self._call:
                self._call, self._seq, self._hash8 = call, 0, ""
            more = True
            while more:
                page = await self._ask(client, "replay", roomUID=self._call, after=self._seq, hash8=self._hash8)
                for event in page.get("events", []):
                    self._take(event)
                more = page.get("more", False)

    async def _ask(self, client: Client, what: str, **question: Any) -> dict[str, Any]:
        answer = json.loads(
            (await client.request(self._questions + what, json.dumps(question).encode(), ANSWER_S)).data
        )
        problem = answer.get("problem")
        if problem and problem["code"] in PASSING:
            raise ConnectionError(problem["message"])
        if problem or answer.get("diverged"):
            sys.exit(f"the position is of another history: {problem or answer['head']}")
        return answer

    def _take(self, event: dict[str, Any]) -> None:
        self._seq, self._hash8 = event["seq"], event["hash"][:16]
        print(f"{self._call}.{self._seq}.{self._hash8}", json.dumps(event), flush=True)


def parsed(data: bytes) -> dict[str, Any]:
    """Returns an event or a head; empty for anything else."""
    with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError):
        told = json.loads(data)
        if isinstance(told["roomUID"], str) and type(told["seq"]) is int and ("hash" in told or "hash8" in told):
            return told
    return {}


def encoded(text: str) -> str:
    """Encodes an id for a subject."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], text.encode()).decode()


async def main(room: str, held: str, *servers: str) -> None:
    """Follows the room until the token expires or is revoked."""
    body = TOKEN.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    follower = Follower(room, held, claims)
    let_in = time.monotonic()
    for server in itertools.cycle(servers):
        try:
            await follower.follow(server)
        except (Error, OSError) as error:
            if "authorization" not in str(error).lower():
                let_in = time.monotonic()
        if time.time() > claims["exp"] or time.monotonic() - let_in > REFUSED_S:
            sys.exit("the token has run out, or is revoked")
        await asyncio.sleep(random.uniform(0.2, 1))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
