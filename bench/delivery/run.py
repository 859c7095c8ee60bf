"""One in flight: milliseconds from a client's sending a message to the event at another client, beside the gateway's own ping.

    python bench/delivery/run.py [--messages 500] [--keep]

Both clients are plain WebSockets in this process; everything between is a suite as `parlour up` starts it, with durable commits.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from typing import Any
from uuid import uuid4

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect  # pyright: ignore[reportUnknownVariableType] half typed

from parlour.testkit.benchmarks.cluster import flush_us
from parlour.testkit.benchmarks.machine import keep, percentiles
from parlour.testkit.suite import Suite, running_suite

GOAL_P50_MS = 3.0
ROOM = "one-in-flight"
ENVIRONMENT = {"PARLOUR_IM_BARRAGE_ROOM_PER_S": "1000", "PARLOUR_GATEWAY_FRAMES_PER_S": "2000"}


class Client(WSListener):
    """One client; `wait` gives the moment at which a frame with this text arrived."""

    def __init__(self) -> None:
        self._wanted = b""
        self._came: asyncio.Future[float] | None = None
        self.transport: WSTransport | None = None

    @classmethod
    async def open(cls, url: str) -> "Client":
        """Connected."""
        transport, client = await ws_connect(cls, url.replace("http", "ws", 1) + "/ws")
        assert isinstance(client, cls)
        client.transport = transport
        return client

    def expect(self, text: str) -> "asyncio.Future[float]":
        """To be called before what makes it come."""
        self._wanted = text.encode()
        self._came = asyncio.get_running_loop().create_future()
        return self._came

    def send(self, **frame: Any) -> None:
        """One frame."""
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, json.dumps(frame).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Looks for what is waited for."""
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif self._came is not None and not self._came.done() and self._wanted in frame.get_payload_as_bytes():
            self._came.set_result(time.perf_counter())

    async def asked(self, **frame: Any) -> float:
        """Milliseconds to the answer."""
        question = str(uuid4())
        came = self.expect(question)
        began = time.perf_counter()
        self.send(id=question, **frame)
        return (await came - began) * 1000


async def measure(suite: Suite, messages: int) -> dict[str, Any]:
    """Pings and messages in turn."""
    ann, bob = await Client.open(suite.url), await Client.open(suite.url)
    for client, user in ((ann, "ann"), (bob, "bob")):
        token = await asyncio.to_thread(suite.dev_token, user)
        await client.asked(t="login", appID=suite.app_id, roomID=ROOM, token=token, user={"userID": user})
    taken: dict[str, list[float]] = {"event_ms": [], "answer_ms": [], "ping_ms": []}
    for n in range(messages + 50):
        ping = await ann.asked(t="ping")
        text, question = str(uuid4()), str(uuid4())
        came, answered = bob.expect(text), ann.expect(question)
        began = time.perf_counter()
        ann.send(t="barrage", id=question, roomID=ROOM, message=text)
        times = [(at - began) * 1000 for at in (await came, await answered)]
        if n >= 50:
            for name, value in zip(taken, (*times, ping), strict=True):
                taken[name].append(value)
    return {name: percentiles(samples) for name, samples in taken.items()}


def main() -> int:
    """Measures, prints, and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--keep", action="store_true", help="write bench/results/delivery.json")
    chosen = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    with running_suite(ENVIRONMENT) as suite:
        result = {"goal_event_p50_ms": GOAL_P50_MS, **uvloop.run(measure(suite, chosen.messages))}
    result |= {"fdatasync_us": flush_us(), "load_before": load}
    print(json.dumps(result, indent=2))
    if chosen.keep:
        print(keep("delivery", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
