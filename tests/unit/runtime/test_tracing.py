"""Trace context in headers, and spans to a file and to a collector."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from parlour.runtime.telemetry import spans, tracing

NO_ID = "0" * 32


@pytest.fixture(autouse=True)
def no_trace() -> Iterator[None]:
    tracing.adopt(None)
    yield
    tracing.adopt(None)


def started(sampled: bool) -> tracing.Trace:
    """Starts a trace where no spans are recorded."""
    tracing.start("request", sampled)
    trace = tracing.current()
    assert trace is not None
    return trace


def test_a_trace_goes_over_the_wire() -> None:
    trace = started(sampled=True)
    headers: dict[str, str] = {}
    tracing.inject(headers)
    tracing.adopt(None)
    assert tracing.trace_id() == ""
    assert tracing.adopt(headers) == trace
    assert tracing.trace_id() == trace.trace_id


def test_a_call_of_no_trace_is_the_root_of_a_new_one() -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    tracing.inject(first)
    tracing.inject(second)
    assert first != second
    assert tracing.current() is None
    assert tracing.adopt(first) is not None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        "00-" + NO_ID + "-" + "1" * 16 + "-01",
        "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
        "01-" + "A" * 32 + "-" + "1" * 16 + "-01",
    ],
)
def test_a_broken_header_is_no_trace(header: str) -> None:
    assert tracing.adopt({"traceparent": header}) is None


@given(st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", fullmatch=True))
def test_headers_are_read_and_written_as_opentelemetry_does(header: str) -> None:
    theirs = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": header})).get_span_context()
    ours = tracing.adopt({"traceparent": header})
    assert (ours is not None) == theirs.is_valid
    if ours is not None:
        assert (int(ours.trace_id, 16), int(ours.span_id, 16)) == (theirs.trace_id, theirs.span_id)
        assert ours.sampled == theirs.trace_flags.sampled
        sent: dict[str, str] = {}
        tracing.inject(sent)
        assert get_current_span(TraceContextTextMapPropagator().extract(sent)).get_span_context().is_valid


def test_without_a_recorder_spans_change_nothing() -> None:
    trace = started(sampled=True)
    with tracing.span("free"):
        assert tracing.current() is trace
    tracing.record("append", trace, time.time_ns())


def test_spans_of_sampled_traces_are_written_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "traces" / "spans.jsonl"
    close = spans.open_recorder("room", "r1", str(path), "")
    outside: tracing.Trace | None = None

    def work() -> None:
        nonlocal outside
        outside = tracing.current()
        with tracing.span("inner", units=3):
            tracing.record("append", tracing.current(), 1_000)
            assert tracing.current() != outside
        assert tracing.current() == outside
        raise ZeroDivisionError("names a person")

    with pytest.raises(ZeroDivisionError), tracing.start("outer", sampled=True):
        work()
    assert tracing.current() == outside, "what is logged of the failure belongs to the trace"
    with tracing.start("talk", sampled=False), tracing.span("of_a_talk"):
        pass
    close()
    with tracing.start("later", sampled=True):
        pass
    append, inner, outer = (json.loads(line) for line in path.read_text().splitlines())
    assert outside is not None
    assert [one["name"] for one in (append, inner, outer)] == ["append", "inner", "outer"]
    assert {one["context"]["trace_id"] for one in (append, inner, outer)} == {outside.trace_id}
    assert append["parent_id"] == inner["context"]["span_id"]
    assert inner["parent_id"] == outer["context"]["span_id"] == outside.span_id
    assert outer["parent_id"] == ""
    assert inner["attributes"] == {"units": 3}
    assert append["start_time"] == 1_000
    assert (outer["status"], inner["status"]) == ("ERROR", "UNSET")
    assert "person" not in path.read_text()
    assert (outer["service"], outer["instance"]) == ("room", "r1")


def test_two_files_of_bounded_size_stay(tmp_path: Path) -> None:
    close = spans.open_recorder("room", "r1", str(tmp_path / "spans.jsonl"), "")
    for number in range(20):
        with (
            tracing.start("login", sampled=True),
            tracing.span(f"login {number}", padding="x" * (spans.MAX_BYTES // 3)),
        ):
            pass
    close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["spans.jsonl", "spans.jsonl.1"]
    lines = [json.loads(line) for path in reversed(files) for line in path.read_text().splitlines()]
    assert all(path.stat().st_size <= spans.MAX_BYTES for path in files)
    last = [one["name"] for one in lines if one["name"] != "login"]
    assert last == [f"login {number}" for number in range(20 - len(last), 20)]
    assert len(last) >= 3


def test_a_full_disk_loses_spans_and_fails_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    close = spans.open_recorder("room", "r1", "/dev/full", "")
    with tracing.start("login", sampled=True), tracing.span("inner"):
        pass
    close()
    assert capfd.readouterr() == ("", "")


def test_the_sdk_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    close = spans.open_recorder("room", "r1", str(tmp_path / "spans.jsonl"), "")
    with tracing.start("login", sampled=True):
        assert tracing.trace_id() not in ("", NO_ID)
    close()


class Collector:
    """An OTLP endpoint that keeps what it gets, and may never answer."""

    def __init__(self, answers: bool = True) -> None:
        self.requests: list[tuple[str, Any]] = []
        outer, self.release = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
                if not answers:
                    outer.release.wait(30)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name in the base class
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_a_collector_gets_the_spans_over_otlp() -> None:
    collector = Collector()
    close = spans.open_recorder("room", "r1", "", collector.url + "/")
    with tracing.start("login", sampled=True), tracing.span("inner"):
        trace_id = tracing.trace_id()
    close()
    collector.close()
    ((path, request),) = collector.requests
    sent = request.resource_spans[0].scope_spans[0].spans
    assert path == "/v1/traces"
    assert [one.name for one in sent] == ["inner", "login"]
    assert {one.trace_id.hex() for one in sent} == {trace_id}


def test_a_collector_that_does_not_answer_holds_up_the_end_for_a_moment_only() -> None:
    collector = Collector(answers=False)
    close = spans.open_recorder("room", "r1", "", collector.url)
    with tracing.start("login", sampled=True):
        pass
    began = time.monotonic()
    close()
    assert time.monotonic() - began < spans.CLOSE_TIMEOUT_S + 5
    collector.close()


def test_a_process_without_spans_never_loads_the_sdk() -> None:
    code = "import sys, parlour.runtime.process.run, parlour.runtime.messaging.bus; print('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
