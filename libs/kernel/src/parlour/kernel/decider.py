"""Deciding and folding: the one shape of every rule in Parlour.

A decider is a pair of functions: `decide(state, command, *, at, ids) -> tuple[Event, ...]`, which raises `Rejection` or returns what
happened, and `evolve(state, event) -> state`, which is total, since history is fact. A command that is already true decides `()`.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

S = TypeVar("S")
E = TypeVar("E")


class Ids(Protocol):
    """Where new ids come from; an argument, so that tests choose them."""

    def uuid7(self) -> str:
        """A new time-ordered UUID."""
        ...


class Clock(Protocol):
    """Wall time as an argument."""

    def at(self) -> int:
        """Unix microseconds, UTC."""
        ...


def fold(evolve: Callable[[S, E], S], state: S, events: Iterable[E]) -> S:
    """The state after `events`."""
    for event in events:
        state = evolve(state, event)
    return state
