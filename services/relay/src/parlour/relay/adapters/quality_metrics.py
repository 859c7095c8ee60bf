"""Quality samples as Prometheus metrics: counters of traffic, and histograms that show how many players lose packets.

The counters rise every ten seconds, with the samples, and lack media that lasted for less than two.
"""

from collections.abc import Callable

from parlour.contracts.quality import QualityBatch, QualitySample
from parlour.runtime.telemetry.metrics import Metrics

LOSS_RATIO = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TIME_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class QualityMetrics:
    """Observes each sample and hands it on by `send`. `side` is publisher or player, as in the history of calls."""

    def __init__(self, metrics: Metrics, send: Callable[[QualityBatch], None]) -> None:
        labels = ("side", "kind")
        self._send = send
        self._bytes = metrics.counter("media_bytes", "Bytes of media.", labels)
        self._packets = metrics.counter("media_packets", "Packets of media.", labels)
        self._nacks = metrics.counter("media_nacks", "Packets that receivers asked for again.", labels)
        self._keyframe_requests = metrics.counter(
            "media_keyframe_requests", "Keyframes that receivers asked for.", labels
        )
        self._loss = metrics.histogram(
            "media_loss_ratio", "Share of packets that never came by themselves.", labels, LOSS_RATIO
        )
        self._jitter = metrics.histogram("media_jitter_seconds", "Interarrival jitter (RFC 3550).", labels, TIME_S)
        self._round_trip = metrics.histogram("media_round_trip_seconds", "Round trip to a player.", labels, TIME_S)

    def send(self, batch: QualityBatch, /) -> None:
        """Observes the samples and sends them."""
        for sample in batch.samples:
            self._observe(sample)
        self._send(batch)

    def _observe(self, sample: QualitySample) -> None:
        labels = "publisher" if sample.publishes else "player", sample.kind
        self._bytes.labels(*labels).inc(sample.bytes)
        self._packets.labels(*labels).inc(sample.packets)
        self._nacks.labels(*labels).inc(sample.nacks)
        self._keyframe_requests.labels(*labels).inc(sample.plis)
        if sample.expected and sample.lost is not None:
            self._loss.labels(*labels).observe(sample.lost / sample.expected)
        if sample.jitter_us is not None:
            self._jitter.labels(*labels).observe(sample.jitter_us / 1e6)
        if sample.rtt_us is not None:
            self._round_trip.labels(*labels).observe(sample.rtt_us / 1e6)
