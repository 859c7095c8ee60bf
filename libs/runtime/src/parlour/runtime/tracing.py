"""W3C trace context over NATS headers, and spans where an operator asks for them.

Every request carries `traceparent`, so that an event's `trace_id` leads from the log to the call that caused it. Making and passing it
costs no SDK. With a trace file set, `span` also records OpenTelemetry spans, written as JSON lines by the SDK's own exporter.
"""

import re
import secrets
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

HEADER = "traceparent"
_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Trace(msgspec.Struct, frozen=True):
    """One hop of a trace, as hexadecimal digits."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[Trace | None] = ContextVar("parlour_trace", default=None)
_tracer: "Tracer | None" = None


def current() -> Trace | None:
    """The trace that this task belongs to."""
    return _current.get()


def trace_id() -> str:
    """The current trace's id, or the empty text."""
    trace = _current.get()
    return trace.trace_id if trace else ""


def start() -> Trace:
    """A new trace for this task: at the edge, where a client's request comes in."""
    trace = _new()
    _current.set(trace)
    return trace


def _new() -> Trace:
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def adopt(headers: Mapping[str, str] | None) -> Trace | None:
    """Makes the caller's trace this task's; None and no change where there is no valid one."""
    found = _FORM.fullmatch(headers.get(HEADER, "")) if headers else None
    trace = (
        Trace(found[1], found[2], found[3] != "00") if found and found[1].strip("0") and found[2].strip("0") else None
    )
    _current.set(trace)
    return trace


def inject(headers: MutableMapping[str, str]) -> None:
    """Adds the current trace to outgoing headers, or a new one where the task belongs to none: then the call is the trace's root."""
    headers[HEADER] = str(_current.get() or _new())


def open_file(path: str, service: str, instance: str) -> Callable[[], None]:
    """From now on `span` records to a file; call what is returned to write the last ones.

    The SDK is imported here, since most processes never need it.
    """
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    def line(recorded: ReadableSpan) -> str:
        return (recorded.to_json(indent=None) or "") + "\n"

    provider = TracerProvider(
        resource=Resource.create({"service.name": f"parlour-{service}", "service.instance.id": instance})
    )
    out = open(path, "a", encoding="utf-8")  # noqa: SIM115 lives as long as the process
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=out, formatter=line)))
    _tracer = provider.get_tracer("parlour")

    def close() -> None:
        global _tracer
        _tracer = None
        provider.shutdown()
        out.close()

    return close


@contextmanager
def span(name: str, **attributes: Any) -> Generator[None]:
    """A span around a block, child of the current trace; free of cost where no trace file is set."""
    trace = _current.get()
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    parent = None
    if trace is not None:
        remote = SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), True, TraceFlags(int(trace.sampled)))
        parent = set_span_in_context(NonRecordingSpan(remote))
    with _tracer.start_as_current_span(name, context=parent, attributes=attributes) as recorded:
        context = recorded.get_span_context()
        token = _current.set(Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}"))
        try:
            yield
        finally:
            _current.reset(token)
