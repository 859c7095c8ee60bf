"""The port of the event log: what a service may append to it and read from it.

`parlour.runtime` implements it on Postgres and `parlour.testkit` in memory; one behaviour suite runs against both.
"""

from typing import Generic, Protocol
from uuid import UUID

import msgspec
from typing_extensions import TypeVar  # typing's own has no defaults before Python 3.13

from parlour.contracts.events import Event

HEAD = "head"
"""Used as an aggregate's name for the log as a whole, whose version is its last seq."""


class LogKey(msgspec.Struct, frozen=True):
    """One log: a call of a room (or an app's own log, whose `room` is empty)."""

    app: int
    room: str
    uid: UUID


class NewEvent(msgspec.Struct, frozen=True):
    """An event as the log takes it: sealed and encoded; `env` are the final bytes of its envelope."""

    type: str
    audience: int
    env: bytes


E = TypeVar("E", bound=Event | NewEvent, default=Event, covariant=True)
"""A decision's events are `Event`; the committer seals them, so that the log gets `NewEvent`."""


class Append(msgspec.Struct, Generic[E], frozen=True):
    """Events for one aggregate of one log, all or none.

    `expected` is the aggregate's version before (0: none yet; None: not checked). `creates` starts the log and fails as a conflict
    if it exists; otherwise the log must exist and be open. `closes` ends it: later appends are refused.
    With the aggregate `HEAD` and no events it is a condition on the whole log and must be the first of its unit.
    """

    log: LogKey
    aggregate: str
    expected: int | None
    events: tuple[E, ...]
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


class AppendUnit(msgspec.Struct, Generic[E], frozen=True):
    """One command's outcome, which commits whole or not at all.

    `command_id` is a UUID in text. The log keeps `answer`, the JSON of the result, for 24 h under (app, command_id): the same command id
    again gives `Duplicate` if principal and digest are the same, else `UnitRefused("command_id_reused")`.
    """

    app: int
    command_id: str
    principal: str
    digest: bytes
    answer: bytes = b"null"
    appends: tuple[Append[E], ...] = ()
    claims: tuple[Claim, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    actor: str = ""
    """For the envelopes: who acted; empty: the person whom each event is about."""
    causation_id: str = ""
    """For the envelopes: the command that led to this one."""
    room: str = ""
    """The command's room: the committer keeps the order of a room's units."""


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
    """The unit is in the log, durably. `records` are its events in the order of its appends."""

    records: tuple[Record, ...]


class Duplicate(msgspec.Struct, frozen=True):
    """The command was committed before: its first answer, and the place (log uid, seq) of each event that it appended."""

    answer: bytes
    places: tuple[tuple[UUID, int], ...]


class Conflict(msgspec.Struct, frozen=True):
    """The aggregate is at `version`, not at the expected one (or the log exists, is gone or closed): load, decide, try again."""

    log_uid: UUID
    aggregate: str
    version: int


class UnitRefused(msgspec.Struct, frozen=True):
    """reason: claim_held (by `holder`), claim_limit, claim_missing, command_id_reused. `claim` is the index in the unit, or -1."""

    reason: str
    claim: int = -1
    holder: str = ""


Outcome = Committed | Duplicate | Conflict | UnitRefused


class LogHead(msgspec.Struct, frozen=True):
    """A log's last event, and the version of each aggregate."""

    log: LogKey
    seq: int
    hash: bytes
    at: int
    open: bool
    versions: dict[str, int]


class ClaimRow(msgspec.Struct, frozen=True):
    """A claim that somebody holds."""

    kind: str
    app: int
    key: str
    slot: str
    holder: str


class DueDeadline(msgspec.Struct, frozen=True):
    """A deadline that has passed, leased to one caller for a while; clearing it ends it."""

    service: str
    key: str
    due_at: int
    body: bytes


class EventLog(Protocol):
    """The event log. Every method may raise `LogUnavailable`; nothing is acknowledged before it is durable."""

    async def append(self, units: tuple[AppendUnit[NewEvent], ...]) -> tuple[Outcome, ...]:
        """Appends the units in one transaction and returns one outcome for each, in order; none aborts the others."""
        ...

    async def head(self, uid: UUID) -> LogHead | None:
        """Returns a log's head; None: no such log."""
        ...

    async def latest(self, app: int, room: str) -> LogHead | None:
        """Returns the head of a room's latest call, open or closed."""
        ...

    async def read(self, uid: UUID, after: int, limit: int) -> tuple[Record, ...]:
        """Returns events with seq > after, in order."""
        ...

    async def read_shard(self, p: int, after: int, limit: int) -> tuple[Record, ...]:
        """Returns events of a shard with pos > after, in commit order."""
        ...

    async def shard_heads(self) -> dict[int, int]:
        """Returns the last position of each shard that has one."""
        ...

    async def claims(self, kind: str, app: int, key: str) -> tuple[ClaimRow, ...]:
        """Returns all slots of a key."""
        ...

    async def due(self, service: str, now: int, limit: int, lease_us: int) -> tuple[DueDeadline, ...]:
        """Returns deadlines due at `now` (unix µs), which other callers do not get until the lease of `lease_us` ends."""
        ...

    async def cursor(self, reader: str) -> dict[int, int]:
        """Returns the position of a reactor or projector in each shard."""
        ...

    async def advance(self, reader: str, p: int, pos: int) -> None:
        """Moves a cursor forward, never backwards."""
        ...


class LogUnavailable(Exception):
    """The store is unreachable or refuses to work: nothing was acknowledged; try again."""
