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
        build = self.gauge("build_info", "1; the labels say what runs.", ("service", "version"))
        build.labels(service, version("parlour-runtime")).set(1)
        self.requests = self.counter("requests", "Requests answered.", ("endpoint", "outcome"))
        self.request_time = self.histogram("request_seconds", "From arrival to reply.", ("endpoint",))
        self.in_flight = self.gauge("requests_in_flight", "Requests being handled.")
        self.shed = self.counter("shed", "Messages dropped because a bounded queue was full.", ("queue",))
        self.bus_connected = self.gauge("bus_connected", "1 while NATS is connected.")
        self.bus_reconnects = self.counter("bus_reconnects", "Connections to NATS that were made again.")
        self.commits = self.counter("commits", "Units given to the log.", ("outcome",))
        self.commit_batch = self.histogram("commit_batch_units", "Units in one append call.", buckets=BATCH)
        self.commit_time = self.histogram("commit_seconds", "One append call.")
        self.commits_waiting = self.gauge("commits_waiting", "Units that wait for an append call.")
        self.publish_failures = self.counter(
            "publish_failures", "Committed events that NATS did not take; record repairs them."
        )
        self.reactions = self.counter("reactions", "Events that a reactor handled.", ("reactor", "outcome"))
        self.reactor_lag = self.gauge("reactor_lag_events", "Events that a reactor has not handled yet.", ("reactor",))
        self.deadlines = self.counter("deadlines", "Deadlines handled.", ("outcome",))
        self.unanswerable = self.counter(
            "requests_unanswerable",
            "Requests left alone, since their reply subject is no inbox of the asker's.",
            ("endpoint",),
        )
        self.undecodable = self.counter(
            "messages_undecodable", "Messages on subscribed subjects that are none of ours."
        )
        self.faults = self.counter("faults", "Errors that are ours.", ("where",))

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
