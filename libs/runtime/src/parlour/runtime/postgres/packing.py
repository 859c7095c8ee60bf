"""Packs units into the arguments of `parlour.append` and `parlour.append_one`, and reads their outcomes."""

from typing import Any
from uuid import UUID

from parlour.contracts.subjects import partition
from parlour.kernel.log import (
    Append,
    AppendUnit,
    Committed,
    Conflict,
    Duplicate,
    LogKey,
    NewEvent,
    Outcome,
    Record,
    Refused,
)

CALL = f"SELECT * FROM parlour.append({', '.join(f'${i + 1}' for i in range(33))})"

CALL_ONE = f"SELECT * FROM parlour.append_one({', '.join(f'${i + 1}' for i in range(20))})"

_PLACE_BYTES = 24
_NO_CLAIM = (None, None, None, None, None)


class Columns:
    """The arguments of one call of `append`: columns of units and of their children, in order; counts tell which belong together."""

    call = CALL

    def __init__(self, units: tuple[AppendUnit[NewEvent], ...]) -> None:
        self.units = units
        self.appends = [append for unit in units for append in unit.appends]
        self._index: dict[LogKey, int] = {}
        for append in self.appends:
            self._index.setdefault(append.log, len(self._index) + 1)
        self.logs = list(self._index)
        self.shards = {log: partition(log.app, log.room) for log in self.logs}

    def arguments(self) -> tuple[list[Any], ...]:
        """Returns them in the order of the function's parameters."""
        return (
            *self._log_columns(),
            *self._unit_columns(),
            *self._append_columns(),
            *self._claim_columns(),
            *self._deadline_columns(),
        )

    def _log_columns(self) -> tuple[list[Any], ...]:
        logs = self.logs
        return [g.uid for g in logs], [g.app for g in logs], [g.room for g in logs], [self.shards[g] for g in logs]

    def _unit_columns(self) -> tuple[list[Any], ...]:
        units = self.units
        return (
            [u.app for u in units], [u.command_id for u in units], [u.principal for u in units], [u.digest for u in units],
            [u.answer for u in units], _earlier_duplicates(units),
            [len(u.appends) for u in units], [len(u.claims) for u in units], [len(u.deadlines) for u in units],
        )  # fmt: skip

    def _append_columns(self) -> tuple[list[Any], ...]:
        appends = self.appends
        events = [event for append in appends for event in append.events]
        return (
            [self._index[a.log] for a in appends], [a.aggregate for a in appends], [a.expected for a in appends],
            [a.creates for a in appends], [a.closes for a in appends], [len(a.events) for a in appends],
            [e.type for e in events], [e.audience for e in events], [e.env for e in events],
        )  # fmt: skip

    def _claim_columns(self) -> tuple[list[Any], ...]:
        claims = [claim for unit in self.units for claim in unit.claims]
        return (
            [c.op for c in claims], [c.kind for c in claims], [c.app for c in claims], [c.key for c in claims],
            [c.slot for c in claims], [c.holder for c in claims], [c.limit for c in claims],
        )  # fmt: skip

    def _deadline_columns(self) -> tuple[list[Any], ...]:
        deadlines = [deadline for unit in self.units for deadline in unit.deadlines]
        return (
            [d.service for d in deadlines],
            [d.key for d in deadlines],
            [d.due_at for d in deadlines],
            [d.body for d in deadlines],
        )

    def outcomes(self, row: Any) -> tuple[Outcome, ...]:
        """Reads the function's row: one outcome for each unit."""
        reader = _Reader(self, row)
        return tuple(reader.outcome(i, unit) for i, unit in enumerate(self.units))


class _Reader:
    """Walks units and their children in step with the answer's columns."""

    def __init__(self, columns: Columns, row: Any) -> None:
        self._columns = columns
        self._code, self._index, self._number = row["o_code"], row["o_index"], row["o_number"]
        self._text, self._holder, self._answer, self._places = (
            row["o_text"],
            row["o_holder"],
            row["o_answer"],
            row["o_places"],
        )
        self._seq, self._at, self._pos = row["r_seq"], row["r_at"], row["r_pos"]
        self._version, self._prev, self._hash = row["r_version"], row["r_prev"], row["r_hash"]
        self._event = self._claim = 0

    def outcome(self, i: int, unit: AppendUnit[NewEvent]) -> Outcome:
        first_claim = self._claim
        self._claim += len(unit.claims)
        code = self._code[i]
        if code == 0:
            return Committed(tuple(record for append in unit.appends for record in self._records(append)))
        self._event += sum(len(append.events) for append in unit.appends)
        if code == 1:
            return Duplicate(self._answer[i], places(self._places[i]))
        if code == 2:
            place: int = self._index[i]
            append = self._columns.appends[place - 1]
            return Conflict(append.log.uid, append.aggregate, self._number[i])
        claim = -1 if self._index[i] is None else self._index[i] - 1 - first_claim
        return Refused(self._text[i], claim, self._holder[i] or "")

    def _records(self, append: Append[NewEvent]) -> list[Record]:
        first = self._event
        self._event += len(append.events)
        log, p = append.log, self._columns.shards[append.log]
        return [
            Record(
                log, self._seq[i], self._at[i], p, self._pos[i], append.aggregate, self._version[i], event.type, event.audience,
                event.env, self._prev[i], self._hash[i],
            )
            for i, event in enumerate(append.events, first)
        ]  # fmt: skip


def _earlier_duplicates(units: tuple[AppendUnit[NewEvent], ...]) -> list[int]:
    """Returns for each unit the number (from 1) of the last unit before it with the same command id, 0 if there is none."""
    last: dict[tuple[int, str], int] = {}
    duplicates: list[int] = []
    for number, unit in enumerate(units, 1):
        duplicates.append(last.get((unit.app, unit.command_id), 0))
        last[unit.app, unit.command_id] = number
    return duplicates


def places(packed: bytes) -> tuple[tuple[UUID, int], ...]:
    """Unpacks the place (log uid, seq) of each event of a command, as `parlour.command` stores them."""
    starts = range(0, len(packed), _PLACE_BYTES)
    return tuple(
        (UUID(bytes=packed[i : i + 16]), int.from_bytes(packed[i + 16 : i + _PLACE_BYTES], "big")) for i in starts
    )


def is_simple(units: tuple[AppendUnit[NewEvent], ...]) -> bool:
    """Returns whether `SingleUnit` can take the units."""
    if len(units) != 1 or len(units[0].appends) != 1 or units[0].deadlines:
        return False
    (append,), claims = units[0].appends, units[0].claims
    simple_claims = not claims or (len(claims) == 1 and claims[0].op == "require")
    return simple_claims and len(append.events) == 1 and not append.creates


class SingleUnit:
    """The arguments of one call of `append_one`, for a unit of which `is_simple` is true.

    Most commands are such units: one event behind an open log, with at most one claim required. Measured on one connection, the call takes
    half the processor time of `append` on either side (see `migrations/sql`).
    """

    call = CALL_ONE

    def __init__(self, unit: AppendUnit[NewEvent]) -> None:
        self._unit = unit
        self._append = unit.appends[0]
        self._p = partition(self._append.log.app, self._append.log.room)

    def arguments(self) -> tuple[Any, ...]:
        """In the order of the function's parameters."""
        unit, append, log = self._unit, self._append, self._append.log
        event = append.events[0]
        claim = unit.claims[0] if unit.claims else None
        return (
            log.uid, log.app, log.room, self._p,
            unit.app, unit.command_id, unit.principal, unit.digest, unit.answer,
            append.aggregate, append.expected, append.closes, event.type, event.audience, event.env,
            *((claim.kind, claim.app, claim.key, claim.slot, claim.holder) if claim else _NO_CLAIM),
        )  # fmt: skip

    def outcomes(self, row: Any) -> tuple[Outcome, ...]:
        """What the function answered."""
        match row["o_code"]:
            case 0:
                return (Committed((self._record(row),)),)
            case 1:
                return (Duplicate(row["o_answer"], places(row["o_places"])),)
            case 2:
                return (Conflict(self._append.log.uid, self._append.aggregate, row["o_number"]),)
            case _:
                missing = row["o_text"] == "claim_missing"
                return (Refused(row["o_text"], 0 if missing else -1, row["o_holder"] or ""),)

    def _record(self, row: Any) -> Record:
        append, event = self._append, self._append.events[0]
        return Record(
            append.log, row["r_seq"], row["r_at"], self._p, row["r_pos"], append.aggregate, row["r_version"], event.type,
            event.audience, event.env, row["r_prev"], row["r_hash"],
        )  # fmt: skip
