"""What a starting service waits for: servers that are not there yet, as where all parts of a suite start at once."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from .retry import RetryPolicy

STARTING = RetryPolicy(first_s=0.1, max_s=2.0)
_AWAITED: ContextVar[set[str] | None] = ContextVar("awaited", default=None)


def track_awaited() -> Collection[str]:
    """Returns the set of names that `awaiting` changes from here on, in this task and those that it starts."""
    awaited: set[str] = set()
    _AWAITED.set(awaited)
    return awaited


@contextmanager
def awaiting(server: str) -> Generator[None]:
    """Has the readiness of a starting service name `server` while the block runs."""
    awaited = _AWAITED.get()
    if awaited is None:  # no process that `run` started, such as the command line
        yield
        return
    awaited.add(server)
    try:
        yield
    finally:
        awaited.discard(server)
