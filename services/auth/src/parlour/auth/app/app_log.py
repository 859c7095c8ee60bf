"""One aggregate of the apps' own logs: its states in memory, its decider, and the commit of what that decides."""

from collections.abc import Callable
from typing import Generic, TypeVar
from uuid import UUID, uuid5

import msgspec

from parlour.auth.domain import application
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.kernel.decider import Aggregate, Clock, Ids, fold
from parlour.kernel.log import Append, AppendUnit, EventLog, LogKey
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext, CommitResult
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache

APP_LOGS = UUID("7f0e4d6c-52c8-5a0e-9c57-6d6a0f3a9b11")
"""Namespace of the uids of apps' own logs, and of the ids that commands of apps derive."""

S = TypeVar("S")
C = TypeVar("C")


class AppAggregate(Generic[S, C]):
    """The states of one aggregate, by app, and the commands about it. The handlers of commands share it."""

    def __init__(
        self, log: EventLog, people: UserKeyStore, committer: Committer, clock: Clock, ids: Ids, aggregate: Aggregate[S],
        decide: Callable[..., tuple[ev.Event, ...]],
    ) -> None:  # fmt: skip
        self.states = StateCache(log, people, committer, aggregate)
        self._clock = clock
        self._ids = ids
        self._aggregate = aggregate
        self._decide = decide

    async def load(self, app: int, *, fresh: bool = False) -> S:
        """Returns the state of an app, the initial one where there is no such app; `fresh`: as the log has it now."""
        return (await self.states.load(app, "", fresh=fresh)).state

    async def commit(
        self, context: CommandContext, command: C, result: Callable[[S], msgspec.Struct | None] = lambda state: None, *,
        creates: bool = False, versioned: bool = True, check: Callable[[S], None] = lambda state: None,
    ) -> CommitResult:  # fmt: skip
        """Decides a command on the app's latest state and commits its events; `result` makes the answer of the state after them.

        `Rejection` where a rule forbids the command, or where there is no such app and the command does not create it. `check` may raise
        for the state before. Without `versioned` the events may be committed beside those of any other command.
        """

        def decide(loaded: RoomSnapshot[S]) -> AppendUnit:
            if loaded.key is None and not creates:
                raise no_app(loaded.app)
            check(loaded.state)
            events = self._decide(loaded.state, command, at=self._clock.at(), ids=self._ids)
            log, version = loaded.key or log_of(loaded.app), loaded.version if versioned else None
            appends = (Append(log, self._aggregate.name, version, events, loaded.key is None),) if events else ()
            return context.make_unit(*appends, result=result(fold(self._aggregate.evolve, loaded.state, events)))

        return await self.states.decide_and_commit(context, decide)


def log_of(app: int) -> LogKey:
    """The key of the app's own log, which is the same for ever."""
    return LogKey(app, "", uuid5(APP_LOGS, str(app)))


def no_app(app: int) -> Rejection:
    """The refusal of a command about an app that does not exist."""
    return Rejection(Code.APP_ID, f"there is no app {app}", field="appID", hint="parlour apps list")


def require_app(app: int, state: application.State) -> application.Active:
    """The state of an app that exists; `Rejection` where it does not."""
    if not isinstance(state, application.Active):
        raise no_app(app)
    return state


async def load_app(apps: AppAggregate[application.State, application.AppCommand], app: int) -> application.Active:
    """Loads an app that exists; `Rejection` where it does not."""
    return require_app(app, await apps.load(app))
