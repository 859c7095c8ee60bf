"""Prometheus metrics of one service process.

Names are `parlour_<what>_<unit>`; labels have few values (verbs, outcomes), never a room, a user or a stream.
"""

from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from . import tracing

LATENCY_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)

disable_created_metrics()  # `…_created` would be one more series for each counter and histogram, and nothing reads it


class Metrics:
    """The metrics that every service has; a service adds its own on `registry`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        reg = self.registry
        build = Gauge("parlour_build_info", "1; the labels say what runs.", ("service", "version"), registry=reg)
        build.labels(service, version("parlour-runtime")).set(1)
        self.requests = Counter("parlour_requests", "Requests answered.", ("endpoint", "outcome"), registry=reg)
        self.request_time = Histogram(
            "parlour_request_seconds", "From arrival to reply.", ("endpoint",), buckets=LATENCY_S, registry=reg
        )
        self.in_flight = Gauge("parlour_requests_in_flight", "Requests being handled.", registry=reg)
        self.shed = Counter(
            "parlour_shed", "Messages dropped because a bounded queue was full.", ("queue",), registry=reg
        )
        self.bus_connected = Gauge("parlour_bus_connected", "1 while NATS is connected.", registry=reg)
        self.bus_reconnects = Counter(
            "parlour_bus_reconnects", "Connections to NATS that were made again.", registry=reg
        )
        self.commits = Counter("parlour_commits", "Units given to the log.", ("outcome",), registry=reg)
        self.commit_batch = Histogram(
            "parlour_commit_batch_units", "Units in one append call.", buckets=BATCH, registry=reg
        )
        self.commit_time = Histogram("parlour_commit_seconds", "One append call.", buckets=LATENCY_S, registry=reg)
        self.commits_waiting = Gauge("parlour_commits_waiting", "Units that wait for an append call.", registry=reg)
        self.publish_failures = Counter(
            "parlour_publish_failures", "Committed events that NATS did not take; record repairs them.", registry=reg
        )
        self.reactions = Counter(
            "parlour_reactions", "Events that a reactor handled.", ("reactor", "outcome"), registry=reg
        )
        self.reactor_lag = Gauge(
            "parlour_reactor_lag_events", "Events that a reactor has not handled yet.", ("reactor",), registry=reg
        )
        self.deadlines = Counter("parlour_deadlines", "Deadlines handled.", ("outcome",), registry=reg)
        self.unanswerable = Counter(
            "parlour_requests_unanswerable",
            "Requests left alone, since their reply subject is no inbox of the asker's.",
            ("endpoint",),
            registry=reg,
        )
        self.undecodable = Counter(
            "parlour_messages_undecodable", "Messages on subscribed subjects that are none of ours.", registry=reg
        )
        self.faults = Counter("parlour_faults", "Errors that are ours.", ("where",), registry=reg)

    def counter(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Counter:
        """Registers a counter of the service."""
        return Counter(f"parlour_{name}", sentence, labels, registry=self.registry)

    def gauge(self, name: str, sentence: str, labels: tuple[str, ...] = ()) -> Gauge:
        """Registers a gauge of the service."""
        return Gauge(f"parlour_{name}", sentence, labels, registry=self.registry)

    def measured(self, name: str, sentence: str, look: Callable[[], float]) -> None:
        """Registers a gauge that calls a function when it is scraped."""
        self.gauge(name, sentence).set_function(look)

    def histogram(
        self, name: str, sentence: str, labels: tuple[str, ...] = (), buckets: tuple[float, ...] = LATENCY_S
    ) -> Histogram:
        """Registers a histogram of the service."""
        return Histogram(f"parlour_{name}", sentence, labels, buckets=buckets, registry=self.registry)

    def page(self) -> bytes:
        """Returns the metrics in Prometheus' plain text."""
        return self.page_for("")[0]

    def page_for(self, accept: str) -> tuple[bytes, str]:
        """Returns the text for a scraper and its content type: OpenMetrics, which has exemplars, where the `Accept` header asks for it."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def observe_with_trace(histogram: Histogram, seconds: float) -> None:
    """Observes a duration. The id of the current trace becomes the exemplar of its bucket: it leads to log lines, spans and events."""
    trace_id = tracing.trace_id()
    histogram.observe(seconds, {"trace_id": trace_id} if trace_id else None)
