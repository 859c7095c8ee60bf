"""Measures the node's load and publishes its heartbeat."""

import asyncio
from dataclasses import dataclass, field

from parlour.contracts.relay import NodeLoad
from parlour.media_core import Core
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.media_monitor import MediaMonitor
from parlour.relay.app.ports import MonotonicClock
from parlour.relay.app.quality_sampler import QualitySampler
from parlour.relay.app.relay import Relay
from parlour.relay.domain.session import SessionTable

SAMPLE_INTERVAL_S = 1.0
"""Between two readings of the counters: a stall is noticed at most so much later."""


@dataclass(eq=False)
class NodeHeartbeat:
    """The node's load as of its last heartbeat. `clock` is monotonic seconds; `draining` is set when the node is about to stop."""

    _table: SessionTable
    _core: Core
    _relay: Relay
    _facts: FactPublisher
    _clock: MonotonicClock
    draining: bool = field(init=False, default=False)
    _cpu: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._measured = (self._clock(), 0)

    def load(self) -> NodeLoad:
        """The load as of the last heartbeat."""
        transports, tracks, sinks = self._table.counts()
        return NodeLoad(transports=transports, tracks=tracks, sinks=sinks, cpu=self._cpu, draining=self.draining)

    def publish(self) -> None:
        """Measures the packet threads' share of a core since the last heartbeat, and publishes `node_up`."""
        spent = self._core.stats()["node"].get("thread_cpu_ns") or [0]
        now, total = self._clock(), sum(spent)
        then, before = self._measured
        if now > then:
            self._cpu = round(min(1.0, max(0.0, (total - before) / 1e9 / (now - then) / len(spent))), 4)
        self._measured = (now, total)
        self._facts.publish_node_up(self._relay.addresses(), self.load())


async def run_heartbeats(
    heartbeat: NodeHeartbeat, monitor: MediaMonitor, quality: QualitySampler, every_s: float
) -> None:
    """Samples media and publishes heartbeats until cancelled; the first one at once, then every `every_s` seconds."""
    loop = asyncio.get_running_loop()
    next_at = loop.time()
    while True:
        quality.take(monitor.sample())
        if loop.time() >= next_at:
            heartbeat.publish()
            next_at = loop.time() + every_s
        await asyncio.sleep(min(SAMPLE_INTERVAL_S, every_s))
