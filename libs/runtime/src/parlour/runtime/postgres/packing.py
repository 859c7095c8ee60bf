"""Units as the columns that `parlour.append` takes, and its columns back as outcomes."""

from typing import Any
from uuid import UUID

from parlour.contracts.subjects import partition
from parlour.kernel.log import Append, Committed, Conflict, Duplicate, LogKey, Outcome, Record, Refused, Unit

CALL = f"SELECT * FROM parlour.append({', '.join(f'${i + 1}' for i in range(33))})"

_PLACE_BYTES = 24


class Columns:
    """The arguments of one call. Children stand in the order of their units; counts tell which belong to whom."""

    call = CALL

    def __init__(self, units: tuple[Unit, ...]) -> None:
        self.units = units
        self.appends = [append for unit in units for append in unit.appends]
        self._index: dict[LogKey, int] = {}
        for append in self.appends:
            self._index.setdefault(append.log, len(self._index) + 1)
        self.logs = list(self._index)
        self.shards = {log: partition(log.app, log.room) for log in self.logs}

    def arguments(self) -> tuple[list[Any], ...]:
        """In the order of the function's parameters."""
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
            [u.answer for u in units], _twins(units),
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
        """What the function answered, one outcome for each unit."""
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

    def outcome(self, i: int, unit: Unit) -> Outcome:
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

    def _records(self, append: Append) -> list[Record]:
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


def _twins(units: tuple[Unit, ...]) -> list[int]:
    """For each unit the number (from 1) of the last unit before it with the same command id, 0 if there is none."""
    last: dict[tuple[int, UUID], int] = {}
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
