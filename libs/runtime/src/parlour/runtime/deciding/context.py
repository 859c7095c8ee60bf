"""A command's context, from its request to its commit: ids, the result of the commit, and the two conflicts that it can meet."""

import hashlib

import msgspec

from parlour.contracts.commands import Caller, Reply, Request
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.kernel.log import Append, AppendUnit, Claim, Conflict, Deadline
from parlour.runtime.messaging.address import Address


class CommitResult(msgspec.Struct, frozen=True):
    """A committed unit: its events in the order of its appends, its answer, and the position of the command's room after it.

    `repeated`: the same command had been committed before; views and answer are those of the first time.
    """

    views: tuple[EventView, ...]
    answer: bytes
    repeated: bool = False
    position: str = ""


class Stale(Exception):
    """The unit was decided on a state that is no longer the latest: load and decide again."""

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


class CommandContext(msgspec.Struct, frozen=True):
    """A command as the log identifies it: its id, the principal that it is bound to, and the digest of its body."""

    app: int
    room: str
    command_id: str
    principal: str
    digest: bytes
    actor: str = ""
    causation_id: str = ""
    if_seq: int | None = None
    """The seq that the room must be at for the command to commit; None: any."""

    def make_unit(
        self, *appends: Append, result: msgspec.Struct | None = None, claims: tuple[Claim, ...] = (),
        deadlines: tuple[Deadline, ...] = (), actor: str | None = None,
    ) -> AppendUnit:  # fmt: skip
        """Builds the outcome of this command; `actor` defaults to the context's."""
        return AppendUnit(
            self.app, self.command_id, self.principal, self.digest, msgspec.json.encode(result), appends, claims, deadlines,
            self.actor if actor is None else actor, self.causation_id, self.room,
        )  # fmt: skip


def build_context(to: Address, request: Request) -> CommandContext:
    """Builds the context of a request that arrived at the address `to`."""
    caller, principal = request.caller, principal_of(to.app, request.caller)
    return CommandContext(
        to.app, to.room, request.command_id, principal, digest_of(request), caller.actor, if_seq=request.if_seq
    )


def digest_of(request: Request) -> bytes:
    """Returns 32 bytes that differ when the same command id comes with another body or condition."""
    return hashlib.sha256(msgspec.json.encode((request.body, request.if_seq))).digest()


def principal_of(app: int, caller: Caller) -> str:
    """Returns who may repeat a command id, as a hash: the table of command ids is not sealed, so it must not name people."""
    person = hashlib.sha256(f"{app}/{caller.user_id}".encode()).hexdigest()[:32] if caller.user_id else ""
    return f"{caller.kind}:{person}"


def reply_of(committed: CommitResult, result: msgspec.Struct | None = None) -> Reply:
    """Returns the reply to a command; `result` replaces the answer where it could only be computed after the commit."""
    raw = committed.answer if result is None else msgspec.json.encode(result)
    return Reply(msgspec.Raw(raw or b"null"), None, committed.position, committed.repeated)


def position_of(view: EventView) -> str:
    """Returns the position just after an event, as text."""
    return str(Position(view.room_uid, view.seq, view.hash[:16]))
