"""`EventLog` in memory, with the rules of the one in Postgres: the behaviour suite runs against both."""

import time
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec

from parlour.contracts.envelope import GENESIS, chain_hash
from parlour.contracts.subjects import partition
from parlour.kernel.log import (
    HEAD,
    Append,
    AppendUnit,
    Claim,
    ClaimRow,
    Committed,
    Conflict,
    Deadline,
    DueDeadline,
    Duplicate,
    LogHead,
    LogKey,
    LogUnavailable,
    NewEvent,
    Outcome,
    Record,
    UnitRefused,
)

_ClaimKey = tuple[str, int, str]


class _Log(msgspec.Struct):
    """One log's head and events."""

    key: LogKey
    born: int
    open: bool = True
    records: list[Record] = []
    versions: dict[str, int] = {}


class _Done(msgspec.Struct, frozen=True):
    """What a command answered."""

    principal: str
    digest: bytes
    answer: bytes
    places: tuple[tuple[UUID, int], ...]


class _Reminder(msgspec.Struct):
    """A deadline and who hides it until when."""

    due_at: int
    body: bytes
    leased_until: int = 0


class MemoryLog:
    """The record for tests of one process. `available = False` makes every method raise `LogUnavailable`."""

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self.available = True
        self._clock = clock
        self._logs: dict[UUID, _Log] = {}
        self._shards: dict[int, list[Record]] = {}
        self._commands: dict[tuple[int, str], _Done] = {}
        self._claims: dict[_ClaimKey, dict[str, str]] = {}
        self._deadlines: dict[tuple[str, str], _Reminder] = {}
        self._cursors: dict[tuple[str, int], int] = {}

    async def append(self, units: tuple[AppendUnit[NewEvent], ...]) -> tuple[Outcome, ...]:
        """See `EventLog.append`."""
        self._check_available()
        return tuple(self._append(unit) for unit in units)

    def _append(self, unit: AppendUnit[NewEvent]) -> Outcome:
        done = self._commands.get((unit.app, unit.command_id))
        if done is not None:
            same = (done.principal, done.digest) == (unit.principal, unit.digest)
            return Duplicate(done.answer, done.places) if same else UnitRefused("command_id_reused")
        changed, refused = self._claimed(unit.claims)
        no = self._conflict(unit.appends) or refused
        if no is not None:
            return no
        self._claims |= changed
        records = tuple(record for append in unit.appends for record in self._write(append))
        for deadline in unit.deadlines:
            self._remind(deadline)
        places = tuple((record.log.uid, record.seq) for record in records)
        self._commands[unit.app, unit.command_id] = _Done(unit.principal, unit.digest, unit.answer, places)
        return Committed(records)

    def _conflict(self, appends: tuple[Append[NewEvent], ...]) -> Conflict | None:
        """The first append that does not fit, each after what those before it in the unit would do."""
        for i, append in enumerate(appends):
            log = self._find(append.log)
            before = [earlier for earlier in appends[:i] if earlier.log == append.log]
            alive = log is not None or any(b.creates for b in before)
            is_open = (log is None or log.open) and not any(b.closes for b in before)
            version = log.versions.get(append.aggregate, 0) if log else 0
            if append.aggregate == HEAD and log is not None:
                version = len(log.records)
            version += sum(len(b.events) for b in before if b.aggregate == append.aggregate)
            if alive == append.creates or (alive and not is_open) or append.expected not in (None, version):
                return Conflict(append.log.uid, append.aggregate, version)
        return None

    def _find(self, key: LogKey) -> _Log | None:
        log = self._logs.get(key.uid)
        return log if log is not None and log.key == key else None

    def _claimed(self, claims: tuple[Claim, ...]) -> tuple[dict[_ClaimKey, dict[str, str]], UnitRefused | None]:
        """The slots of each key after the claims, or why not."""
        changed: dict[_ClaimKey, dict[str, str]] = {}
        for i, claim in enumerate(claims):
            key = (claim.kind, claim.app, claim.key)
            slots = changed.setdefault(key, dict(self._claims.get(key, {})))
            refused = _CLAIM[claim.op](slots, claim, i)
            if refused is not None:
                return {}, refused
        return changed, None

    def _write(self, append: Append[NewEvent]) -> Iterable[Record]:
        p = partition(append.log.app, append.log.room)
        shard = self._shards.setdefault(p, [])
        if append.creates:
            self._logs[append.log.uid] = _Log(append.log, len(shard) + 1)
        log = self._logs[append.log.uid]
        last = log.records[-1] if log.records else None
        at = max(self._clock(), last.at if last else 0)
        for event in append.events:
            prev, seq = (log.records[-1].hash, len(log.records) + 1) if log.records else (GENESIS, 1)
            version = log.versions[append.aggregate] = log.versions.get(append.aggregate, 0) + 1
            record = Record(
                log.key, seq, at, p, len(shard) + 1, append.aggregate, version, event.type, event.audience, event.env, prev,
                chain_hash(prev, seq, at, event.env),
            )  # fmt: skip
            log.records.append(record)
            shard.append(record)
            yield record
        log.open = log.open and not append.closes

    def _remind(self, deadline: Deadline) -> None:
        if deadline.due_at is None:
            self._deadlines.pop((deadline.service, deadline.key), None)
        else:
            self._deadlines[deadline.service, deadline.key] = _Reminder(deadline.due_at, deadline.body)

    async def head(self, uid: UUID) -> LogHead | None:
        """See `EventLog.head`."""
        self._check_available()
        log = self._logs.get(uid)
        return None if log is None else _head(log)

    async def latest(self, app: int, room: str) -> LogHead | None:
        """See `EventLog.latest`."""
        self._check_available()
        calls = [log for log in self._logs.values() if (log.key.app, log.key.room) == (app, room)]
        return _head(max(calls, key=lambda log: log.born)) if calls else None

    async def read(self, uid: UUID, after: int, limit: int) -> tuple[Record, ...]:
        """See `EventLog.read`."""
        self._check_available()
        log = self._logs.get(uid)
        return tuple(log.records[after : after + limit]) if log else ()

    async def read_shard(self, p: int, after: int, limit: int) -> tuple[Record, ...]:
        """See `EventLog.read_shard`."""
        self._check_available()
        return tuple(self._shards.get(p, [])[after : after + limit])

    async def shard_heads(self) -> dict[int, int]:
        """See `EventLog.shard_heads`."""
        self._check_available()
        return {p: len(records) for p, records in self._shards.items() if records}

    async def claims(self, kind: str, app: int, key: str) -> tuple[ClaimRow, ...]:
        """See `EventLog.claims`."""
        self._check_available()
        slots = self._claims.get((kind, app, key), {})
        return tuple(ClaimRow(kind, app, key, slot, holder) for slot, holder in sorted(slots.items()))

    def all_claims(self, kind: str) -> list[ClaimRow]:
        """Every claim of a kind, for whoever looks at the whole."""
        return [
            ClaimRow(of, app, key, slot, holder)
            for (of, app, key), slots in self._claims.items()
            if of == kind
            for slot, holder in slots.items()
        ]

    def all_deadlines(self, service: str) -> list[str]:
        """The keys of every deadline of a service."""
        return [key for (owner, key) in self._deadlines if owner == service]

    def all_records(self) -> dict[LogKey, tuple[Record, ...]]:
        """Every log with its events."""
        return {log.key: tuple(log.records) for log in self._logs.values()}

    async def due(self, service: str, now: int, limit: int, lease_us: int) -> tuple[DueDeadline, ...]:
        """See `EventLog.due`."""
        self._check_available()
        late = sorted(
            (reminder.due_at, key) for (owner, key), reminder in self._deadlines.items()
            if owner == service and reminder.due_at <= now and reminder.leased_until <= now
        )[:limit]  # fmt: skip
        for _, key in late:
            self._deadlines[service, key].leased_until = now + lease_us
        return tuple(DueDeadline(service, key, due_at, self._deadlines[service, key].body) for due_at, key in late)

    async def cursor(self, reader: str) -> dict[int, int]:
        """See `EventLog.cursor`."""
        self._check_available()
        return {p: pos for (of, p), pos in self._cursors.items() if of == reader}

    async def advance(self, reader: str, p: int, pos: int) -> None:
        """See `EventLog.advance`."""
        self._check_available()
        self._cursors[reader, p] = max(pos, self._cursors.get((reader, p), 0))

    def _check_available(self) -> None:
        if not self.available:
            raise LogUnavailable("switched off by the test")


def _take(slots: dict[str, str], claim: Claim, i: int) -> UnitRefused | None:
    other = min((holder for holder in slots.values() if holder != claim.holder), default=None)
    if other is not None:
        return UnitRefused("claim_held", i, other)
    if claim.slot not in slots and len(slots) >= claim.limit:
        return UnitRefused("claim_limit", i, claim.holder)
    slots[claim.slot] = claim.holder
    return None


def _release(slots: dict[str, str], claim: Claim, i: int) -> UnitRefused | None:
    if slots.get(claim.slot) == claim.holder:
        del slots[claim.slot]
    return None


def _require(slots: dict[str, str], claim: Claim, i: int) -> UnitRefused | None:
    held = slots.get(claim.slot)
    return None if held == claim.holder else UnitRefused("claim_missing", i, held or "")


_CLAIM = {"take": _take, "release": _release, "require": _require}


def _head(log: _Log) -> LogHead:
    last = log.records[-1]
    return LogHead(log.key, last.seq, last.hash, last.at, log.open, dict(log.versions))
