"""Spans as JSON lines in a bounded file: one line for each, in the fields that OpenTelemetry's own exporters use.

Written here rather than by its SDK, whose import alone costs each process a quarter of a second at its start.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

MAX_BYTES = 4 << 20
"""A file that is full becomes `….1`, in place of the one before: two of these are kept."""


class SpanContext(msgspec.Struct, frozen=True):
    """The ids of a span and of its trace."""

    trace_id: str
    span_id: str


class Span(msgspec.Struct, frozen=True):
    """One line. Times are unix nanoseconds; `parent_id` is empty at a trace's root."""

    name: str
    context: SpanContext
    parent_id: str
    start_time: int
    end_time: int
    status: str
    attributes: Mapping[str, Any]
    service: str
    instance: str


class SpanFile:
    """Appends spans to a file. A full disk loses spans and never fails the work that they describe."""

    def __init__(self, path: str, service: str, instance: str) -> None:
        self._path = Path(path)
        self._service = service
        self._instance = instance
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self._out = self._path.open("ab", buffering=0)
        self._bytes = os.fstat(self._out.fileno()).st_size

    def write(
        self, name: str, context: SpanContext, parent_id: str, began_ns: int, failed: bool, attributes: dict[str, Any]
    ) -> None:
        """Appends one span that ends now."""
        status = "ERROR" if failed else "OK"
        span = Span(
            name, context, parent_id, began_ns, time.time_ns(), status, attributes, self._service, self._instance
        )
        line = msgspec.json.encode(span) + b"\n"
        try:
            if self._bytes + len(line) > MAX_BYTES:
                self._out.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                self._open()
            self._out.write(line)
            self._bytes += len(line)
        except (OSError, ValueError):  # ValueError: closed meanwhile
            return

    def close(self) -> None:
        """The end."""
        self._out.close()
