"""Spans by OpenTelemetry's SDK, to a bounded file of JSON lines and to a collector. Only processes that record spans import this."""

import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from . import tracing
from .tracing import Trace

MAX_BYTES = 4 << 20
"""A file that is full becomes `….1`, in place of the one before: two of these stay."""
CLOSE_TIMEOUT_S = 2.0
"""How long the end of a process waits for a collector to take the last spans."""


class SpanFile(SpanExporter):
    """Appends spans to a file. A full disk loses spans and never fails the work that they describe.

    A line names its trace as `context.trace_id`; times are unix nanoseconds; `parent_id` is empty at a trace's root. It is written here
    since `ReadableSpan.to_json` and a `RotatingFileHandler` take 110 µs for each span, and this 2.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self._file = self._path.open("ab", buffering=0)
        self._bytes = os.fstat(self._file.fileno()).st_size

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = b"".join(_encode(span) for span in spans)
        try:
            if self._bytes + len(lines) > MAX_BYTES:
                self._file.close()
                self._path.replace(f"{self._path}.1")
                self._open()
            self._file.write(lines)
        except (OSError, ValueError):  # ValueError: a file that could not be opened anew
            return SpanExportResult.FAILURE
        self._bytes += len(lines)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._file.close()


def _encode(span: ReadableSpan) -> bytes:
    context, resource = span.get_span_context() or otel.INVALID_SPAN_CONTEXT, span.resource.attributes
    line = {
        "name": span.name,
        "context": {
            "trace_id": otel.format_trace_id(context.trace_id),
            "span_id": otel.format_span_id(context.span_id),
        },
        "parent_id": otel.format_span_id(span.parent.span_id) if span.parent else "",
        "start_time": span.start_time,
        "end_time": span.end_time,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
        "service": resource["service.name"],
        "instance": resource["service.instance.id"],
    }
    return msgspec.json.encode(line) + b"\n"


class OpenTelemetryRecorder:
    """A `SpanRecorder` by a tracer of OpenTelemetry."""

    def __init__(self, tracer: otel.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, parent: Trace | None, attributes: dict[str, Any]) -> Generator[None]:
        """Records a span of a block. Exceptions mark it as failed without their text, which may name people."""
        span = self._start(name, parent, attributes)
        context = span.get_span_context()
        tracing.set_current(Trace(otel.format_trace_id(context.trace_id), otel.format_span_id(context.span_id)))
        try:
            yield
        except BaseException:
            span.set_status(otel.StatusCode.ERROR)
            raise
        finally:
            if parent is not None:  # otherwise the task began this trace, and stays in it
                tracing.set_current(parent)
            span.end()

    def record(self, name: str, parent: Trace, began_ns: int, attributes: dict[str, Any]) -> None:
        """Records a span that began at a unix time in nanoseconds and ends now."""
        self._start(name, parent, attributes, began_ns).end()

    def _start(
        self, name: str, parent: Trace | None, attributes: dict[str, Any], began_ns: int | None = None
    ) -> otel.Span:
        context = Context()
        if parent is not None:
            ids = int(parent.trace_id, 16), int(parent.span_id, 16)
            remote = otel.SpanContext(*ids, is_remote=True, trace_flags=otel.TraceFlags(otel.TraceFlags.SAMPLED))
            context = otel.set_span_in_context(otel.NonRecordingSpan(remote), context)
        return self._tracer.start_span(name, context, attributes=attributes, start_time=began_ns)


def open_recorder(service: str, instance: str, trace_file: str, otlp_endpoint: str) -> Callable[[], None]:
    """Records the spans of this process from now on; call what is returned to export the last ones and to end that.

    `OTEL_SDK_DISABLED` switches it off; `OTEL_EXPORTER_OTLP_HEADERS`, `…_CERTIFICATE` and the like hold for the endpoint.
    """
    resource = Resource.create({"service.name": service, "service.instance.id": instance})
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    if trace_file:
        provider.add_span_processor(SimpleSpanProcessor(SpanFile(trace_file)))
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # the extra `otlp`

        exporter = OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("parlour")
    if not isinstance(tracer, otel.NoOpTracer):
        tracing.set_recorder(OpenTelemetryRecorder(tracer))

    def close() -> None:
        tracing.set_recorder(None)
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_TIMEOUT_S)

    return close
