"""Calls of `parlour.append` and `parlour.append_one`: units as their arguments, and their answers as outcomes."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from parlour.contracts.subjects import partition
from parlour.kernel.log import (
    Append,
    AppendUnit,
    Committed,
    Conflict,
    Duplicate,
    NewEvent,
    Outcome,
    Record,
    UnitRefused,
)

_APPEND = "SELECT results, positions FROM parlour.append($1, $2, $3, $4, $5, $6)"
_APPEND_ONE = f"SELECT * FROM parlour.append_one({', '.join(f'${number}' for number in range(1, 21))})"
_NO_CLAIM = (None, None, None, None, None)
_PLACE_BYTES = 24


def append_call(units: tuple[AppendUnit[NewEvent], ...]) -> "AppendCall | AppendOneCall":
    """The call that appends `units`: the quicker one where they are one simple unit."""
    return AppendOneCall(units[0]) if _is_simple(units) else AppendCall(units)


def _is_simple(units: tuple[AppendUnit[NewEvent], ...]) -> bool:
    """Whether `parlour.append_one` can take them: one event behind an open log's head, with at most one claim required."""
    if len(units) != 1 or len(units[0].appends) != 1 or units[0].deadlines:
        return False
    (append,), claims = units[0].appends, units[0].claims
    has_simple_claims = not claims or (len(claims) == 1 and claims[0].op == "require")
    return has_simple_claims and len(append.events) == 1 and not append.creates


class AppendOneCall:
    """One unit as plain values. On one connection it takes half the processor time of the general call, on either side."""

    statement = _APPEND_ONE

    def __init__(self, unit: AppendUnit[NewEvent]) -> None:
        self._unit = unit
        self._append = unit.appends[0]
        self._shard = partition(self._append.log.app, self._append.log.room)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of the function's parameters."""
        unit, append, log = self._unit, self._append, self._append.log
        event = append.events[0]
        claim = unit.claims[0] if unit.claims else None
        return (
            log.uid, log.app, log.room, self._shard,
            unit.app, unit.command_id, unit.principal, unit.digest, unit.answer,
            append.aggregate, append.expected, append.closes, event.type, event.audience, event.env,
            *((claim.kind, claim.app, claim.key, claim.holder, claim.slot) if claim else _NO_CLAIM),
        )  # fmt: skip

    def outcomes(self, row: Any) -> tuple[Outcome, ...]:
        """Reads the function's row as the unit's outcome."""
        outcome, failed, version, reason, holder, answer, places_, seq, at, pos, prev, hash_ = row
        if outcome != "committed":
            return (_uncommitted(self._unit, outcome, failed, version, reason, holder, answer, places_),)
        append, event = self._append, self._append.events[0]
        record = Record(
            append.log, seq, at, self._shard, pos, append.aggregate, version, event.type, event.audience, event.env, prev, hash_
        )  # fmt: skip
        return (Committed((record,)),)


class AppendCall:
    """Units as arrays of the types in `migrations/sql/types.sql`. Counts in the units tell whose the changes, claims and deadlines are."""

    statement = _APPEND

    def __init__(self, units: tuple[AppendUnit[NewEvent], ...]) -> None:
        self._units = units
        self._changes = [append for unit in units for append in unit.appends]
        self._shards = {change.log: partition(change.log.app, change.log.room) for change in self._changes}

    @property
    def arguments(self) -> tuple[list[Any], ...]:
        """In the order of the function's parameters."""
        units, changes = self._units, self._changes
        numbers = {log: number for number, log in enumerate(self._shards, 1)}
        return (
            [(log.uid, log.app, log.room, shard) for log, shard in self._shards.items()],
            [
                (
                    u.app, u.command_id, u.principal, u.digest, u.answer,
                    len(u.appends), sum([len(a.events) for a in u.appends]), len(u.claims), len(u.deadlines), twin,
                )
                for u, twin in zip(units, _twins(units), strict=True)
            ],
            [(numbers[c.log], c.aggregate, c.expected, c.creates, c.closes, len(c.events)) for c in changes],
            [(event.type, event.audience, event.env) for change in changes for event in change.events],
            [(c.op, c.kind, c.app, c.key, c.holder, c.slot, c.limit) for unit in units for c in unit.claims],
            [(d.service, d.key, d.due_at, d.body) for unit in units for d in unit.deadlines],
        )  # fmt: skip

    def outcomes(self, row: Any) -> tuple[Outcome, ...]:
        """Reads the function's row as one outcome for each unit."""
        positions = iter(row["positions"])
        return tuple(
            Committed(tuple([record for append in unit.appends for record in self._records(append, positions)]))
            if result[0] == "committed"
            else _uncommitted(unit, *result)
            for unit, result in zip(self._units, row["results"], strict=True)
        )

    def _records(self, append: Append[NewEvent], positions: Iterator[Any]) -> Iterator[Record]:
        log, shard, aggregate = append.log, self._shards[append.log], append.aggregate
        for event in append.events:
            seq, at, pos, version, prev, hash_ = next(positions)
            yield Record(
                log, seq, at, shard, pos, aggregate, version, event.type, event.audience, event.env, prev, hash_
            )


def _uncommitted(
    unit: AppendUnit[NewEvent], outcome: str, failed: int | None, version: int, reason: str, holder: str | None, answer: bytes,
    packed: bytes,
) -> Outcome:  # fmt: skip
    """What the fields of `parlour.append_result` say of a unit that was not committed."""
    match outcome:
        case "duplicate":
            return Duplicate(answer, places(packed))
        case "conflict" if failed is not None:
            append = unit.appends[failed - 1]
            return Conflict(append.log.uid, append.aggregate, version)
        case _:
            return UnitRefused(reason, -1 if failed is None else failed - 1, holder or "")


def _twins(units: tuple[AppendUnit[NewEvent], ...]) -> list[int]:
    """For each unit the number (from 1) of the last unit before it with the same command id, 0 if there is none."""
    last: dict[tuple[int, str], int] = {}
    twins: list[int] = []
    for number, unit in enumerate(units, 1):
        twins.append(last.get((unit.app, unit.command_id), 0))
        last[unit.app, unit.command_id] = number
    return twins


def places(packed: bytes) -> tuple[tuple[UUID, int], ...]:
    """The place (log uid, seq) of each event of a command, as `parlour.command` keeps them."""
    starts = range(0, len(packed), _PLACE_BYTES)
    return tuple(
        (UUID(bytes=packed[i : i + 16]), int.from_bytes(packed[i + 16 : i + _PLACE_BYTES], "big")) for i in starts
    )
