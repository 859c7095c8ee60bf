"""The core's counters as Prometheus metrics: read when scraped, summed over the node, no label with many values."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from parlour.relay.app.media_monitor import MediaMonitor
from parlour.runtime.telemetry.metrics import Metrics

_TRANSPORT_SUMS = (
    "rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "rx_dropped_auth", "rx_replayed", "nack_rx", "nack_tx", "pli_rx",
    "pli_tx", "rtx_tx", "rx_policed", "repairs_policed", "keyframes_policed",
)  # fmt: skip
_NODE_COUNTS = (
    "datagrams",
    "dropped_unknown",
    "dropped_unauthenticated",
    "dropped_malformed",
    "kernel_drops",
    "panics",
)


class StatsSource(Protocol):
    """The part of the core that has counters."""

    def stats(self) -> Mapping[str, Any]: ...


class CoreMetrics(Collector):
    """Sums over the transports that are up are gauges: they fall when one ends."""

    def __init__(self, core: StatsSource, monitor: MediaMonitor) -> None:
        self._core = core
        self._monitor = monitor

    def register(self, metrics: Metrics) -> None:
        """Adds the metrics to the service's page."""
        metrics.registry.register(self)

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Reads the core's counters once for each scrape."""
        stats = self._core.stats()
        for what in ("transports", "tracks", "sinks"):
            yield GaugeMetricFamily(f"parlour_relay_{what}", f"How many {what} the node has.", value=len(stats[what]))
        for name in _TRANSPORT_SUMS:
            total = sum(each.get(name, 0) for each in stats["transports"].values())
            yield GaugeMetricFamily(f"parlour_relay_live_{name}", f"{name} of the transports that are up.", value=total)
        for name in _NODE_COUNTS:
            yield CounterMetricFamily(f"parlour_relay_{name}", f"{name} of the node.", value=stats["node"].get(name, 0))
        spent = sum(stats["node"].get("thread_cpu_ns") or [0]) / 1e9
        yield CounterMetricFamily("parlour_relay_packet_cpu_seconds", "Time of the packet threads.", value=spent)
        yield CounterMetricFamily("parlour_relay_events_dropped", "Core events lost.", value=self._monitor.overflowed)
