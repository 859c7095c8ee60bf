"""The core's counters as Prometheus metrics: read when scraped, summed over the node, no label with many values."""

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from parlour.contracts.relay import NodeLoad
from parlour.media_core import Core
from parlour.relay.app.media_monitor import MediaMonitor

_TRANSPORT_SUMS = {
    "rx_packets": "Packets from publishers",
    "rx_bytes": "Bytes from publishers",
    "tx_packets": "Packets to players",
    "tx_bytes": "Bytes to players",
    "rx_dropped_auth": "Packets dropped since they do not authenticate",
    "rx_replayed": "Packets dropped as replays",
    "rx_policed": "Packets dropped beyond the limits of a transport",
    "nack_rx": "NACKs from players",
    "nack_tx": "NACKs to publishers",
    "pli_rx": "Keyframe requests from players",
    "pli_tx": "Keyframe requests to publishers",
    "rtx_tx": "Packets sent again",
    "repairs_policed": "Packets not sent again, beyond the limits of a transport",
    "keyframes_policed": "Keyframe requests not passed on, beyond the limits of a transport",
}
_NODE_COUNTS = {
    "datagrams": "Datagrams received.",
    "dropped_unknown": "Datagrams dropped since they belong to no transport.",
    "dropped_unauthenticated": "Datagrams dropped since they do not authenticate.",
    "dropped_malformed": "Datagrams dropped since they do not parse.",
    "kernel_drops": "Datagrams that the kernel dropped since the receive buffer was full.",
    "panics": "Panics of packet threads.",
}


class CoreMetrics(Collector):
    """Sums over the transports that are up are gauges: they fall when one ends."""

    def __init__(self, core: Core, monitor: MediaMonitor, load: Callable[[], NodeLoad], max_transports: int) -> None:
        self._core = core
        self._monitor = monitor
        self._load = load
        self._max_transports = max_transports

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Reads the core's counters once for each scrape."""
        stats = self._core.stats()
        load = max(self._load().cpu, len(stats["transports"]) / self._max_transports)
        yield GaugeMetricFamily("parlour_relay_load_ratio", "The fuller of CPU and transports, 0 to 1.", value=load)
        yield GaugeMetricFamily(
            "parlour_relay_transports_limit", "Transports that the node may have.", value=self._max_transports
        )
        for what in ("transports", "tracks", "sinks"):
            yield GaugeMetricFamily(f"parlour_relay_{what}", f"{what.title()} of the node.", value=len(stats[what]))
        for name, what in _TRANSPORT_SUMS.items():
            total = sum(each.get(name, 0) for each in stats["transports"].values())
            yield GaugeMetricFamily(
                f"parlour_relay_live_{name}", f"{what}: sum of the transports that are up.", value=total
            )
        for name, sentence in _NODE_COUNTS.items():
            yield CounterMetricFamily(f"parlour_relay_{name}", sentence, value=stats["node"].get(name, 0))
        spent = sum(stats["node"].get("thread_cpu_ns") or [0]) / 1e9
        yield CounterMetricFamily("parlour_relay_packet_cpu_seconds", "Time of the packet threads.", value=spent)
        yield CounterMetricFamily("parlour_relay_events_dropped", "Core events lost.", value=self._monitor.overflowed)
