"""Given / when / then for deciders."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from parlour.contracts.codes import Code
from parlour.kernel.decider import Ids, fold
from parlour.kernel.rejection import Rejection

from .clock import CountingIds, VirtualClock

S = TypeVar("S")
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class Decide(Protocol[S_contra, E_co]):
    """The deciding half of a decider."""

    def __call__(self, state: S_contra, command: Any, *, at: int, ids: Ids) -> tuple[E_co, ...]:
        """What happened, or `Rejection`."""
        ...


class Scenario(Generic[S, E]):
    """A history and one command. `given` may be called again; each `when` decides on the history so far and adds to it."""

    def __init__(self, initial: S, decide: Decide[S, E], evolve: Callable[[S, E], S]) -> None:
        self.clock = VirtualClock()
        self.ids = CountingIds(self.clock)
        self.state = initial
        self._decide = decide
        self._evolve = evolve
        self._events: tuple[E, ...] = ()
        self._rejection: Rejection | None = None

    def given(self, *events: E) -> "Scenario[S, E]":
        """Facts that are so."""
        self.state = fold(self._evolve, self.state, events)
        return self

    def when(self, command: Any) -> "Scenario[S, E]":
        """Decides, remembers the outcome and, if there was one, makes it history."""
        self._events, self._rejection = (), None
        try:
            self._events = self._decide(self.state, command, at=self.clock.at(), ids=self.ids)
        except Rejection as rejection:
            self._rejection = rejection
        return self.given(*self._events)

    def then(self, *events: E) -> "Scenario[S, E]":
        """Exactly these events came of it."""
        if self._rejection is not None:
            raise AssertionError(f"rejected: {self._rejection.problem}")
        if self._events != events:
            raise AssertionError(f"decided {self._events}, not {events}")
        return self

    def then_rejected(self, code: Code) -> "Scenario[S, E]":
        """The rule said no, with this code."""
        if self._rejection is None:
            raise AssertionError(f"was not rejected but decided {self._events}")
        if self._rejection.problem.code != code:
            raise AssertionError(f"was rejected with {self._rejection.problem}, not {code!r}")
        return self

    def then_again_nothing(self, command: Any) -> "Scenario[S, E]":
        """The same command once more decides nothing: repeating is harmless."""
        return self.when(command).then()
