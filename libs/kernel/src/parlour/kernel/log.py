"""The event log's port: what a service may append and read. `architecture` §3 gives the promises.

Implemented by `parlour.runtime` on Postgres and by `parlour.testkit` in memory; one behaviour suite runs against both.
"""

from typing import Protocol
from uuid import UUID

import msgspec

HEAD = "head"
"""In the place of an aggregate: the log as a whole, whose version is its last seq."""


class LogKey(msgspec.Struct, frozen=True):
    """One log: a life of a room (or an app's own log, whose `room` is empty)."""

    app: int
    room: str
    uid: UUID


class NewEvent(msgspec.Struct, frozen=True):
    """An event to append; `env` are its final bytes."""

    type: str
    audience: int
    env: bytes


class Append(msgspec.Struct, frozen=True):
    """Events for one aggregate of one log, all or none.

    `expected` is the aggregate's version before (0: none yet; None: not checked). `creates` starts the log and fails as a conflict
    if it exists; otherwise the log must exist and be open. `closes` ends it: later appends are refused.
    With the aggregate `HEAD` and no events it is a condition on the whole log; it stands first in its unit.
    """

    log: LogKey
    aggregate: str
    expected: int | None
    events: tuple[NewEvent, ...]
    creates: bool = False
    closes: bool = False


class Claim(msgspec.Struct, frozen=True):
    """One change to, or condition on, the claims: rows (kind, app, key, slot) → holder.

    take: refused if any slot of the key has another holder, or if the key would have more than `limit` slots; the same holder
    taking its slot again is fine. release: removes the row if the holder is this one (no error if gone). require: refused unless the
    row is there with this holder.
    """

    op: str
    kind: str
    app: int
    key: str
    holder: str
    slot: str = ""
    limit: int = 1


class Deadline(msgspec.Struct, frozen=True):
    """Set (`due_at` unix µs) or clear (None) a deadline of `service` in the same transaction; `key` is unique in the service."""

    service: str
    key: str
    due_at: int | None
    body: bytes = b""


class Unit(msgspec.Struct, frozen=True):
    """One command's outcome: all of it or nothing. `answer` is kept 24 h under (app, command_id).

    The same command id again gives `Duplicate` if principal and digest are the same, else `Refused("command_id_reused")`.
    """

    app: int
    command_id: UUID
    principal: str
    digest: bytes
    answer: bytes = b""
    appends: tuple[Append, ...] = ()
    claims: tuple[Claim, ...] = ()
    deadlines: tuple[Deadline, ...] = ()


class Record(msgspec.Struct, frozen=True):
    """An event in the log. `at` unix µs; `p` and `pos` its place in its shard."""

    log: LogKey
    seq: int
    at: int
    p: int
    pos: int
    aggregate: str
    version: int
    type: str
    audience: int
    env: bytes
    prev: bytes
    hash: bytes


class Committed(msgspec.Struct, frozen=True):
    """In the log, durably. `records` are the unit's events in the order of its appends."""

    records: tuple[Record, ...]


class Duplicate(msgspec.Struct, frozen=True):
    """Done before: the first answer, and the place (log uid, seq) of each event that it appended."""

    answer: bytes
    places: tuple[tuple[UUID, int], ...]


class Conflict(msgspec.Struct, frozen=True):
    """The aggregate is at `version`, not at the expected one (or the log exists, is gone or closed): load, decide, try again."""

    log_uid: UUID
    aggregate: str
    version: int


class Refused(msgspec.Struct, frozen=True):
    """reason: claim_held (by `holder`), claim_limit, claim_missing, command_id_reused. `claim` is the index in the unit, or -1."""

    reason: str
    claim: int = -1
    holder: str = ""


Outcome = Committed | Duplicate | Conflict | Refused


class LogHead(msgspec.Struct, frozen=True):
    """Where a log stands. `versions` by aggregate."""

    log: LogKey
    seq: int
    hash: bytes
    at: int
    open: bool
    versions: dict[str, int]


class ClaimRow(msgspec.Struct, frozen=True):
    """A claim that is held."""

    kind: str
    app: int
    key: str
    slot: str
    holder: str


class DueDeadline(msgspec.Struct, frozen=True):
    """A deadline that has passed, leased to the asker for a while; clearing it ends it."""

    service: str
    key: str
    due_at: int
    body: bytes


class EventLog(Protocol):
    """The record. Every method may raise `LogUnavailable`; nothing is acknowledged before it is durable."""

    async def append(self, units: tuple[Unit, ...]) -> tuple[Outcome, ...]:
        """One outcome for each unit, in order; none aborts its neighbours. One transaction, locks in ascending order."""
        ...

    async def head(self, uid: UUID) -> LogHead | None:
        """None: no such log."""
        ...

    async def latest(self, app: int, room: str) -> LogHead | None:
        """The latest life of a room name, open or closed."""
        ...

    async def read(self, uid: UUID, after: int, limit: int) -> tuple[Record, ...]:
        """Events with seq > after, in order."""
        ...

    async def read_shard(self, p: int, after: int, limit: int) -> tuple[Record, ...]:
        """Events of a shard with pos > after, in commit order."""
        ...

    async def shard_heads(self) -> dict[int, int]:
        """The last position of each shard that has one."""
        ...

    async def claims(self, kind: str, app: int, key: str) -> tuple[ClaimRow, ...]:
        """All slots of a key."""
        ...

    async def due(self, service: str, now: int, limit: int, lease_us: int) -> tuple[DueDeadline, ...]:
        """Deadlines due at `now`, skipped by other askers until the lease ends."""
        ...

    async def cursor(self, reader: str) -> dict[int, int]:
        """Where a reactor or projector stands in each shard."""
        ...

    async def advance(self, reader: str, p: int, pos: int) -> None:
        """Moves a cursor forward; never backwards."""
        ...


class LogUnavailable(Exception):
    """The store can't be reached or refused for its own reasons: nothing was acknowledged; try again."""
