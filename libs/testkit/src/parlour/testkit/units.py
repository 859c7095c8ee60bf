"""Short ways to write units of the event log, with envelopes as the services make them."""

import time
from itertools import count
from uuid import UUID, uuid4

import msgspec

from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.kernel.log import Append, AppendUnit, Claim, Deadline, LogKey, NewEvent

from .clock import uuid7

APP = 77
_numbers = count(int.from_bytes(uuid4().bytes[:7], "big"))


def new_log(room: str = "", app: int = APP) -> LogKey:
    """A new call of a room; without a name, of one that nobody else has."""
    number = next(_numbers)
    return LogKey(app, room or f"room-{number}", uuid7(time.time_ns() // 1000, number))


def new_event(
    log: LogKey, aggregate: str = "room", type_: str = "room.test.v1", body: str = "", audience: int = 0
) -> NewEvent:
    """An event whose envelope names its log; `body` tells it from others."""
    envelope = Envelope(
        str(log.uid), aggregate, 0, type_, "", "", "", "", msgspec.Raw(msgspec.json.encode({"body": body}))
    )
    return NewEvent(type_, audience, encode_envelope(envelope))


def append(
    log: LogKey, count_: int = 1, *, aggregate: str = "room", expected: int | None = None, creates: bool = False,
    closes: bool = False, body: str = "",
) -> Append[NewEvent]:  # fmt: skip
    """An append of so many events."""
    events = tuple(new_event(log, aggregate, f"{aggregate}.test.v1", body) for _ in range(count_))
    return Append(log, aggregate, expected, events, creates, closes)


def unit(
    *appends: Append[NewEvent], claims: tuple[Claim, ...] = (), deadlines: tuple[Deadline, ...] = (), command_id: UUID | str | None = None,
    principal: str = "tester", digest: bytes = b"digest", answer: bytes = b"answer", app: int = APP,
) -> AppendUnit[NewEvent]:  # fmt: skip
    """One command's outcome, of a new command unless told."""
    return AppendUnit(app, str(command_id or uuid4()), principal, digest, answer, appends, claims, deadlines)
