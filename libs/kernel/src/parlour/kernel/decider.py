"""Deciding and folding: the one shape of every rule in Parlour.

A decider is a pair of functions: `decide(state, command, *, at, ids) -> tuple[Event, ...]`, which raises `Rejection` or returns what
happened, and `evolve(state, event) -> state`, which is total, since history is fact. A command that is already true decides `()`.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

S = TypeVar("S")
E = TypeVar("E")


class Ids(Protocol):
    """A source of new ids, an argument so that tests choose them."""

    def uuid7(self) -> str:
        """Returns a new time-ordered UUID."""
        ...


class Clock(Protocol):
    """The time of day, an argument so that tests choose it."""

    def at(self) -> int:
        """Returns unix microseconds, UTC."""
        ...


def fold(evolve: Callable[[S, E], S], state: S, events: Iterable[E]) -> S:
    """Returns the state after `events`."""
    for event in events:
        state = evolve(state, event)
    return state
