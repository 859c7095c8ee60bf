"""The life of an application, as its own log tells it: created once, its secret rotated, tokens issued.

Invariants, cited by the tests:
1. The first event is `app.created`; the first secret follows it at once.
2. At any time at most two secrets are valid: the newest for ever, the one before until its time is over.
3. Creating what exists and rotating to the secret that is the newest decide nothing.
4. Nothing but its creation happens to an app that does not exist.
"""

from typing import assert_never

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.kernel.decider import Ids
from parlour.kernel.rejection import Rejection

AGGREGATE = ev.AppCreated.AGGREGATE
MAX_OVERLAP_S = 30 * 86400
_SECOND = 1_000_000


class Create(msgspec.Struct, frozen=True):
    """Begin an app with its first secret."""

    app: int
    name: str
    secret_id: str


class Rotate(msgspec.Struct, frozen=True):
    """A new secret; the one before stays valid for `overlap_s`."""

    secret_id: str
    overlap_s: int


class Issue(msgspec.Struct, frozen=True):
    """The suite made a token itself."""

    actor: str
    room: str
    expires_s: int


AppCommand = Create | Rotate | Issue


class Absent(msgspec.Struct, frozen=True):
    """No such app."""


class SecretRef(msgspec.Struct, frozen=True):
    """A secret by id; `until_s` (unix seconds) None: for ever."""

    secret_id: str
    until_s: int | None = None


class Active(msgspec.Struct, frozen=True):
    """An app; `secrets` newest first."""

    app: int
    name: str
    secrets: tuple[SecretRef, ...] = ()

    def valid(self, now_s: int) -> tuple[str, ...]:
        """The ids of the secrets that are valid now, newest first."""
        return tuple(ref.secret_id for ref in self.secrets if ref.until_s is None or now_s < ref.until_s)


State = Absent | Active
INITIAL: State = Absent()


def decide(state: State, command: AppCommand, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """What happens; `at` is unix microseconds. No new ids are needed."""
    match command:
        case Create(app, name, secret_id):
            if isinstance(state, Active):
                return ()
            return ev.AppCreated(app, name), ev.SecretRotated(app, secret_id, 0)
        case Rotate(secret_id, overlap_s):
            app = _existing(state)
            if app.secrets and app.secrets[0].secret_id == secret_id:
                return ()
            if not 0 <= overlap_s <= MAX_OVERLAP_S:
                raise Rejection.of(
                    Code.PARAMETER, "the overlap is out of range", field="overlap_s", limit=f"0..{MAX_OVERLAP_S}"
                )
            return (ev.SecretRotated(app.app, secret_id, at // _SECOND + overlap_s),)
        case Issue(actor, room, expires_s):
            return (ev.TokenIssued(_existing(state).app, actor, room, expires_s),)
        case _:
            assert_never(command)


def evolve(state: State, event: ev.Event) -> State:
    """The state after one more event; total."""
    match event:
        case ev.AppCreated(app, name):
            return Active(app, name)
        case ev.SecretRotated() if isinstance(state, Active):
            before = tuple(_ending(ref, event.old_valid_until_s) for ref in state.secrets[:1])
            return msgspec.structs.replace(state, secrets=(SecretRef(event.secret_id), *before))
        case _:
            return state


def _ending(ref: SecretRef, until_s: int) -> SecretRef:
    return SecretRef(ref.secret_id, until_s)


def _existing(state: State) -> Active:
    if isinstance(state, Absent):
        raise Rejection.of(Code.APP_ID, "there is no such app", field="appID", hint="create it first")
    return state
