"""What a decision about an app commits: the events of its aggregate on the app's own log."""

from uuid import UUID, uuid5

import msgspec

from parlour.auth.domain import application as domain
from parlour.contracts.codes import Code
from parlour.kernel.decider import Clock, Ids, fold
from parlour.kernel.log import Append, LogKey
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.state_cache import RoomSnapshot

APP_LOGS = UUID("7f0e4d6c-52c8-5a0e-9c57-6d6a0f3a9b11")
"""Namespace of the uids of apps' own logs, and of the ids that commands of apps derive."""


class AppDecision(msgspec.Struct, frozen=True):
    """The changes of a command, at most one, and the state of the app after them."""

    changes: tuple[Append, ...]
    after: domain.State


class AppDecider:
    """Applies the decider of apps to loaded states."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def decide(
        self, loaded: RoomSnapshot[domain.State], command: domain.AppCommand, *, versioned: bool = True
    ) -> AppDecision:
        """Decides a command; `Rejection` where a rule forbids it. Without `versioned` it may commit beside any other change."""
        events = domain.decide(loaded.state, command, at=self._clock.at(), ids=self._ids)
        if not events:
            return AppDecision((), loaded.state)
        log, version = loaded.key or log_of(loaded.app), loaded.version if versioned else None
        change = Append(log, domain.AGGREGATE, version, events, loaded.key is None)
        return AppDecision((change,), fold(domain.evolve, loaded.state, events))


def log_of(app: int) -> LogKey:
    """The key of the app's own log, which is the same for ever."""
    return LogKey(app, "", uuid5(APP_LOGS, str(app)))


def require_app(loaded: RoomSnapshot[domain.State]) -> domain.Active:
    """The state of an app that exists; `Rejection` where it does not."""
    if not isinstance(loaded.state, domain.Active):
        raise Rejection.of(Code.APP_ID, f"there is no app {loaded.app}", field="appID", hint="parlour apps list")
    return loaded.state
