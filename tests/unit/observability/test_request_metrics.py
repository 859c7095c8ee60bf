"""What is counted of requests, and how an exemplar leads from a slow request to its trace."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from parlour.cli.supervise.entrance import Entrance
from parlour.contracts import client
from parlour.contracts.codes import Code, Problem
from parlour.contracts.quality import QualityBatch, QualitySample
from parlour.gateway.adapters.certificate import read_expiry
from parlour.gateway.api.http_metrics import HttpMetrics
from parlour.gateway.app.requests.frame_metrics import FrameMetrics
from parlour.relay.adapters.quality_metrics import QualityMetrics
from parlour.runtime.telemetry import tracing
from parlour.runtime.telemetry.metrics import Metrics

OPEN_METRICS = "application/openmetrics-text;version=1.0.0"


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(None, "ok"), (Code.MESSAGE_RATE, "refused"), (Code.UNAVAILABLE, "failed"), (Code.SERVER_ERROR, "failed")],
)
def test_a_frame_is_counted_by_type_and_outcome_and_timed(code: Code | None, outcome: str) -> None:
    metrics = Metrics("gateway")
    frame = client.Broadcast(id=uuid4(), room_id="r", message="m")
    problem = None if code is None else Problem(int(code), "x")
    FrameMetrics(metrics, lambda: 12.5).count_handled(frame, 10.0, problem)
    assert value(metrics, "parlour_frames_total", frame="broadcast", outcome=outcome) == 1
    assert value(metrics, "parlour_frame_seconds_sum", frame="broadcast") == 2.5


def test_frames_that_are_not_worked_on_are_counted_and_not_timed() -> None:
    metrics = Metrics("gateway")
    frames = FrameMetrics(metrics, lambda: 0.0)
    frames.count_refused(client.Ping(id=uuid4()))
    frames.count_unreadable()
    assert value(metrics, "parlour_frames_total", frame="ping", outcome="refused") == 1
    assert value(metrics, "parlour_frames_total", frame="unreadable", outcome="refused") == 1
    assert value(metrics, "parlour_frame_seconds_count", frame="ping") is None


@pytest.mark.parametrize(
    ("method", "route", "labels"),
    [
        ("GET", "/v1/rooms/{room}/events", ("/v1/rooms/{room}/events", "GET")),
        ("GET", "", ("other", "GET")),
        ("BREW", "", ("other", "other")),
    ],
)
async def test_an_http_request_is_counted_by_its_route(method: str, route: str, labels: tuple[str, str]) -> None:
    """By the route as it is declared and known methods only: whoever sends odd paths and methods makes no new series."""
    metrics = Metrics("gateway")

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if route:
            scope["route"] = type("Route", (), {"path": route})
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def nothing(*_message: Any) -> Any: ...

    await HttpMetrics(app, metrics)({"type": "http", "method": method, "path": "/x"}, nothing, nothing)
    named = {"route": labels[0], "method": labels[1], "status": "503"}
    assert value(metrics, "parlour_http_requests_total", **named) == 1
    assert value(metrics, "parlour_http_request_seconds_count", route=labels[0]) == 1


def test_a_bucket_s_exemplar_is_the_trace_of_its_request() -> None:
    metrics = Metrics("gateway")
    with tracing.start("gateway.broadcast", sampled=False):
        FrameMetrics(metrics, lambda: 0.3).count_handled(
            client.StopPlay(id=uuid4(), room_id="r", stream_id="s"), 0.0, None
        )
    text, content_type = metrics.page_for(OPEN_METRICS)
    assert content_type.startswith("application/openmetrics-text")
    samples = [one for family in text_string_to_metric_families(text.decode()) for one in family.samples]
    (found,) = [one.exemplar for one in samples if one.exemplar is not None]
    assert found.labels == {"trace_id": tracing.trace_id()}
    assert found.value == 0.3


def test_without_openmetrics_the_page_is_plain_text_without_created_times() -> None:
    text, content_type = Metrics("room").page_for("text/plain")
    assert content_type.startswith("text/plain")
    assert b"_created" not in text
    assert b'parlour_build_info{service="room",version="' in text


def test_quality_samples_are_observed_by_side_and_kind_and_sent_on() -> None:
    metrics = Metrics("relay")
    sent: list[QualityBatch] = []

    known: dict[str, Any] = {
        "room_uid": "u",
        "stream_id": "s",
        "owner": "o",
        "at": 0,
        "took_ms": 10_000,
        "packets": 9,
        "bytes": 1000,
    }
    played = QualitySample(
        publishes=False, kind="video", expected=100, lost=4, jitter_us=15_000, rtt_us=40_000, **known
    )
    unknown = QualitySample(publishes=True, kind="audio", **known)
    batch = QualityBatch("n", (played, unknown))
    QualityMetrics(metrics, sent.append).send(batch)
    assert sent == [batch]
    assert value(metrics, "parlour_media_bytes_total", side="player", kind="video") == 1000
    assert value(metrics, "parlour_media_packets_total", side="publisher", kind="audio") == 9
    assert value(metrics, "parlour_media_loss_ratio_sum", side="player", kind="video") == 0.04
    assert value(metrics, "parlour_media_jitter_seconds_sum", side="player", kind="video") == 0.015
    assert value(metrics, "parlour_media_round_trip_seconds_sum", side="player", kind="video") == 0.04
    assert value(metrics, "parlour_media_loss_ratio_count", side="publisher", kind="audio") is None


def test_the_expiry_of_a_certificate_is_read_from_its_file(tmp_path: Path) -> None:
    Entrance("localhost", "self").prepare(tmp_path)
    chain, _key = Entrance(tls="self").certificate(tmp_path)
    assert read_expiry(str(chain)) > chain.stat().st_mtime
    chain.write_text("no certificate")
    with pytest.raises(ValueError, match=r"."):
        read_expiry(str(chain))
