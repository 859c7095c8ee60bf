"""The node's load, and its heartbeat."""

import asyncio

from parlour.contracts.relay import NodeLoad
from parlour.relay.app.fact_book import FactBook
from parlour.relay.app.ports import Clock, PacketCore
from parlour.relay.app.quality import Quality
from parlour.relay.app.relay import Relay
from parlour.relay.app.watch import Watch
from parlour.relay.domain.session import SessionTable

SAMPLE_S = 1.0
"""How often the counters are read: a stall is told at most so much later."""


class Heartbeat:
    """Weighs the node and tells that it is up."""

    def __init__(self, table: SessionTable, core: PacketCore, relay: Relay, book: FactBook, clock: Clock) -> None:
        self._table = table
        self._core = core
        self._relay = relay
        self._book = book
        self._clock = clock
        self._cpu = 0.0
        self._seen = (clock(), 0)

    def load(self) -> NodeLoad:
        """As of the last beat."""
        transports, tracks, sinks = self._table.counts()
        return NodeLoad(transports=transports, tracks=tracks, sinks=sinks, cpu=self._cpu)

    def beat(self) -> None:
        """Measures the packet threads' share of a core and tells `node_up`."""
        spent = self._core.stats()["node"].get("thread_cpu_ns") or [0]
        now, total = self._clock(), sum(spent)
        then, before = self._seen
        if now > then:
            self._cpu = round(min(1.0, max(0.0, (total - before) / 1e9 / (now - then) / len(spent))), 4)
        self._seen = (now, total)
        self._book.node_up(self._relay.addresses(), self.load())


async def keep_beating(heartbeat: Heartbeat, watch: Watch, quality: Quality, every_s: float) -> None:
    """Samples media and beats until cancelled; the first beat comes at once."""
    loop = asyncio.get_running_loop()
    next_beat = loop.time()
    while True:
        quality.look(watch.sample())
        if loop.time() >= next_beat:
            heartbeat.beat()
            next_beat = loop.time() + every_s
        await asyncio.sleep(min(SAMPLE_S, every_s))
