"""Deciding and folding: the one shape of every rule in Parlour.

A decider is a pair of functions: `decide(state, command, *, at, ids) -> tuple[Event, ...]`, which raises `Rejection` or returns what
happened, and `evolve(state, event) -> state`, which is total, since history is fact. A command that is already true decides `()`.
"""

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec

from parlour.contracts.events import Event

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


class Aggregate(msgspec.Struct, Generic[S], frozen=True):
    """One aggregate as its service folds it: the state before the first event, and `evolve`, which also takes the events of `others`."""

    name: str
    initial: S
    evolve: Callable[[S, Event], S]
    others: tuple[str, ...] = ()

    def folds(self, aggregate: str) -> bool:
        """Returns whether `evolve` takes the events of an aggregate."""
        return aggregate == self.name or aggregate in self.others


def fold(evolve: Callable[[S, E], S], state: S, events: Iterable[E]) -> S:
    """Returns the state after `events`."""
    for event in events:
        state = evolve(state, event)
    return state
