"""Whether a position that a client names is in our history: the event of its number has the hash that the client saw."""

from parlour.contracts.codes import Code
from parlour.contracts.ids import Position
from parlour.kernel.log import EventLog, LogHead
from parlour.kernel.rejection import Rejection

HASH8_BEFORE_FIRST = "0" * 16


async def has_position(log: EventLog, head: LogHead, seq: int, hash8: str) -> bool:
    """Returns whether the log reaches `seq` and its hash there begins with `hash8`."""
    if seq > head.seq:
        return False
    if seq == 0:
        return hash8 == HASH8_BEFORE_FIRST
    records = await log.read(head.log.uid, seq - 1, 1)
    return bool(records) and records[0].hash.hex()[:16] == hash8


def resync_needed(head: LogHead, field: str) -> Rejection:
    """Returns the answer to a position of another history than ours."""
    position = Position(str(head.log.uid), head.seq, head.hash.hex()[:16])
    return Rejection.of(
        Code.RESYNC_NEEDED, "this position is not in the room's history", field=field,
        hint=f"the room is at {position}",
    )  # fmt: skip
