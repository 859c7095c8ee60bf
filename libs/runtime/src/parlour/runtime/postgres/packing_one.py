"""One simple unit as the plain values that `parlour.append_one` takes, and its row back as an outcome.

Most commands come to this: one event behind an open log, with at most one claim required. Measured on one connection, it takes half the
processor time of the general call on either side (see `migrations/sql`).
"""

from typing import Any

from parlour.contracts.subjects import partition
from parlour.kernel.log import Committed, Conflict, Duplicate, Outcome, Record, Refused, Unit

from .packing import places

CALL_ONE = f"SELECT * FROM parlour.append_one({', '.join(f'${i + 1}' for i in range(20))})"

_NO_CLAIM = (None, None, None, None, None)


def is_simple(units: tuple[Unit, ...]) -> bool:
    """Whether `One` can take them."""
    if len(units) != 1 or len(units[0].appends) != 1 or units[0].deadlines:
        return False
    (append,), claims = units[0].appends, units[0].claims
    simple_claims = not claims or (len(claims) == 1 and claims[0].op == "require")
    return simple_claims and len(append.events) == 1 and not append.creates


class One:
    """The arguments of one call for one unit of which `is_simple` is true."""

    call = CALL_ONE

    def __init__(self, unit: Unit) -> None:
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
