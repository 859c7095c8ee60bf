"""W3C trace context over NATS headers, and spans where an operator asks for them.

Every request carries `traceparent`, so that an event's `trace_id` leads from the log to the call that caused it. Making and passing it
costs nothing to speak of. With a trace file set, `span` also records the spans of sampled traces: joins, which are few and tell most.
"""

import re
import secrets
import time
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

from .spans import SpanContext, SpanFile

HEADER = "traceparent"
_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Trace(msgspec.Struct, frozen=True):
    """One hop of a trace, as hexadecimal digits."""

    trace_id: str
    span_id: str
    sampled: bool = True
    root: bool = False
    """Made here: no span of this id was recorded."""

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[Trace | None] = ContextVar("parlour_trace", default=None)
_file: SpanFile | None = None


def current() -> Trace | None:
    """Returns the trace of this task."""
    return _current.get()


def trace_id() -> str:
    """Returns the current trace's id, or the empty text."""
    trace = _current.get()
    return trace.trace_id if trace else ""


def start(sampled: bool = True) -> Trace:
    """Starts a trace in this task, where a client's request comes in."""
    trace = _new(sampled)
    _current.set(trace)
    return trace


def _new(sampled: bool) -> Trace:
    return Trace(secrets.token_hex(16), secrets.token_hex(8), sampled, root=True)


def adopt(headers: Mapping[str, str] | None) -> Trace | None:
    """Continues the caller's trace in this task; returns None and changes nothing if there is no valid one."""
    found = _FORM.fullmatch(headers.get(HEADER, "")) if headers else None
    trace = (
        Trace(found[1], found[2], found[3] != "00") if found and found[1].strip("0") and found[2].strip("0") else None
    )
    _current.set(trace)
    return trace


def inject(headers: MutableMapping[str, str]) -> None:
    """Adds the current trace to outgoing headers, or a new one where the task belongs to none: then the call is the trace's root."""
    headers[HEADER] = str(_current.get() or _new(sampled=False))


def open_file(path: str, service: str, instance: str) -> Callable[[], None]:
    """From now on `span` records the sampled traces to a file; call what is returned to end that."""
    global _file
    opened = _file = SpanFile(path, service, instance)

    def close() -> None:
        global _file
        _file = None
        opened.close()

    return close


def record(name: str, trace: Trace | None, began_ns: int, **attributes: Any) -> None:
    """A span, child of `trace`, of work that was done for several traces at once and ends now."""
    if _file is not None and trace is not None and trace.sampled:
        context = SpanContext(trace.trace_id, secrets.token_hex(8))
        _file.write(name, context, "" if trace.root else trace.span_id, began_ns, False, attributes)


@contextmanager
def span(name: str, **attributes: Any) -> Generator[None]:
    """A span around a block, child of the current trace; nothing where no file is set or the trace is not sampled."""
    trace, kept = _current.get(), _file
    if kept is None or trace is None or not trace.sampled:
        yield
        return
    child = Trace(trace.trace_id, secrets.token_hex(8))
    token = _current.set(child)
    began_ns, failed = time.time_ns(), True
    try:
        yield
        failed = False
    finally:
        _current.reset(token)
        context = SpanContext(child.trace_id, child.span_id)
        kept.write(name, context, "" if trace.root else trace.span_id, began_ns, failed, attributes)
