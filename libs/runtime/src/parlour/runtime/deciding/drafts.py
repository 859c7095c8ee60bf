"""What a service hands to the committer and gets back: drafts, calls, and the three ways in which the log says no."""

import hashlib

import msgspec

from parlour.contracts.commands import Caller, Reply, Request
from parlour.contracts.envelope import EventView
from parlour.contracts.events import Event
from parlour.contracts.ids import Position
from parlour.kernel.log import Claim, Conflict, Deadline, LogKey
from parlour.runtime.messaging.address import Address


class Change(msgspec.Struct, frozen=True):
    """Events for one aggregate of one log; see `kernel.log.Append` for `expected`, `creates` and `closes`."""

    log: LogKey
    aggregate: str
    expected: int | None
    events: tuple[Event, ...]
    creates: bool = False
    closes: bool = False


class Draft(msgspec.Struct, frozen=True):
    """One command's outcome before it is a fact. `answer` is the JSON of the result, kept for repetitions."""

    app: int
    command_id: str
    principal: str
    digest: bytes
    answer: bytes = b"null"
    changes: tuple[Change, ...] = ()
    claims: tuple[Claim, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    actor: str = ""
    """Who did it; empty: whom each event is about."""
    causation_id: str = ""
    room: str = ""
    """Of the command: drafts of one room keep their order."""
    head: tuple[LogKey, int] | None = None
    """Only if the log stands at this seq."""


class Done(msgspec.Struct, frozen=True):
    """A draft that is in the log: its events in the order of its changes, and where the command's room stood after it.

    `repeated`: the command had been done before; views and answer are those of the first time.
    """

    views: tuple[EventView, ...]
    answer: bytes
    repeated: bool = False
    position: str = ""


class Stale(Exception):
    """The draft was decided on a state that is no longer the latest."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(f"{conflict.aggregate} is at version {conflict.version}")
        self.conflict = conflict


class ClaimRefused(Exception):
    """reason: claim_held (by `holder`), claim_limit, claim_missing."""

    def __init__(self, reason: str, claim: Claim, holder: str) -> None:
        super().__init__(f"{reason}: {claim.op} {claim.kind}")
        self.reason = reason
        self.claim = claim
        self.holder = holder


class Call(msgspec.Struct, frozen=True):
    """A command as the log knows it: its id, who is bound to it, and the digest of what was asked."""

    app: int
    room: str
    command_id: str
    principal: str
    digest: bytes
    actor: str = ""
    causation_id: str = ""
    if_seq: int | None = None
    """Only if the room stands at this seq, whatever else the decision needs."""

    def draft(
        self,
        *changes: Change,
        result: msgspec.Struct | None = None,
        claims: tuple[Claim, ...] = (),
        deadlines: tuple[Deadline, ...] = (),
        actor: str | None = None,
    ) -> Draft:
        """The outcome of this command."""
        return Draft(
            self.app, self.command_id, self.principal, self.digest, msgspec.json.encode(result), changes, claims, deadlines,
            self.actor if actor is None else actor, self.causation_id, self.room,
        )  # fmt: skip


def call_of(to: Address, request: Request) -> Call:
    """The call that a request is."""
    return Call(
        to.app,
        to.room,
        request.command_id,
        principal_of(to.app, request.caller),
        digest_of(request),
        request.caller.actor,
        if_seq=request.if_seq,
    )


def digest_of(request: Request) -> bytes:
    """32 bytes that stand for what was asked: the same command id with another body is told apart by it."""
    return hashlib.sha256(msgspec.json.encode((request.body, request.if_seq))).digest()


def principal_of(app: int, caller: Caller) -> str:
    """Whom a command id is bound to, without naming the person: the table of command ids is not sealed."""
    person = hashlib.sha256(f"{app}/{caller.user_id}".encode()).hexdigest()[:32] if caller.user_id else ""
    return f"{caller.kind}:{person}"


def reply_of(done: Done, result: msgspec.Struct | None = None) -> Reply:
    """The answer to the asker; `result` where it could only be made after the commit."""
    raw = done.answer if result is None else msgspec.json.encode(result)
    return Reply(msgspec.Raw(raw or b"null"), None, done.position, done.repeated)


def position_of(view: EventView) -> str:
    """The position just after an event."""
    return str(Position(view.room_uid, view.seq, view.hash[:16]))
