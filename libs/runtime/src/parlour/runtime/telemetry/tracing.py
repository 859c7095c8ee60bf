"""W3C trace context over NATS headers, and spans where an operator asks for them.

Every request carries `traceparent`, so that an event's `trace_id` leads from the log to the request that caused it. `spans` sets the
recorder in processes that have a trace file or an OTLP endpoint; it then records the spans of sampled traces, those of logins and resumes.
"""

import re
import secrets
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec

HEADER = "traceparent"
_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]([0-9a-f])")


class Trace(msgspec.Struct, frozen=True):
    """One hop of a trace, as hexadecimal digits."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


class SpanRecorder(Protocol):
    """Makes and exports spans."""

    def span(self, name: str, parent: Trace | None, attributes: dict[str, Any]) -> AbstractContextManager[None]:
        """Makes a span of a block and the task's current trace of it; without a parent, it is the root of a new trace."""
        ...

    def record(self, name: str, parent: Trace, began_ns: int, attributes: dict[str, Any]) -> None:
        """Makes a span that began at a unix time in nanoseconds and ends now."""
        ...


_current: ContextVar[Trace | None] = ContextVar("parlour_trace", default=None)
_recorder: SpanRecorder | None = None
_NO_SPAN = nullcontext()


def set_recorder(recorder: SpanRecorder | None) -> None:
    """From now on spans of sampled traces are recorded there, or nowhere."""
    global _recorder
    _recorder = recorder


def current() -> Trace | None:
    """Returns the trace of this task."""
    return _current.get()


def set_current(trace: Trace | None) -> None:
    """Makes this task belong to a trace, or to none."""
    _current.set(trace)


def trace_id() -> str:
    """Returns the current trace's id, or the empty text."""
    trace = _current.get()
    return trace.trace_id if trace else ""


def start(name: str, sampled: bool) -> AbstractContextManager[None]:
    """Starts a trace in this task, where a client's request comes in; the result is the span around the work on it."""
    if sampled and _recorder is not None:
        return _recorder.span(name, None, {})
    _current.set(_new(sampled))
    return _NO_SPAN


def _new(sampled: bool) -> Trace:
    return Trace(secrets.token_hex(16), secrets.token_hex(8), sampled)


def adopt(headers: Mapping[str, str] | None) -> Trace | None:
    """Continues the caller's trace in this task; where the headers have no valid one, the task belongs to none and None is returned."""
    found = _FORM.fullmatch(headers.get(HEADER, "")) if headers else None
    is_valid = found is not None and found[1].strip("0") and found[2].strip("0")
    trace = Trace(found[1], found[2], found[3] in "13579bdf") if found and is_valid else None
    _current.set(trace)
    return trace


def inject(headers: MutableMapping[str, str]) -> None:
    """Adds the current trace to outgoing headers, or a new one where the task belongs to none: then the request is the trace's root."""
    headers[HEADER] = str(_current.get() or _new(sampled=False))


def span(name: str, **attributes: Any) -> AbstractContextManager[None]:
    """Returns a span for a `with` block, child of the current trace; an empty one where no recorder is set or the trace is not sampled."""
    trace = _current.get()
    if _recorder is None or trace is None or not trace.sampled:
        return _NO_SPAN
    return _recorder.span(name, trace, attributes)


def record(name: str, trace: Trace | None, began_ns: int, **attributes: Any) -> None:
    """Records a span, child of `trace`, of work that was done for several traces at once and ends now."""
    if _recorder is not None and trace is not None and trace.sampled:
        _recorder.record(name, trace, began_ns, attributes)
