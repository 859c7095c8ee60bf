"""What an operator asks about old months, and what `record` answers. Like questions about proofs these belong to no app: their subjects
name app 0, which only the suite's own users of NATS may ask. Times are unix microseconds.
"""

import msgspec

from .codes import Problem
from .spelling import wire_name


class RetentionQuery(msgspec.Struct, frozen=True):
    """Asks what retention has exported and dropped, and what it will next."""


class RunRetention(msgspec.Struct, frozen=True, omit_defaults=True):
    """Starts the scheduled work now; answered at once with the present state. `by` is recorded."""

    by: str = ""


class Blocker(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """What stands against dropping a month.

    kind: `hold` (`what` is a room), `person` (a user), `unreadable_hold`, `unsigned` (a call whose end no checkpoint holds yet), `reader`
    and `webhook` (has not read all of it), `file` (the export was not as it should be).
    """

    kind: str
    app: int = 0
    what: str = ""


class Month(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A month that is in the database: how many calls of rooms began in it, how many of them are due, and how many are still open.

    `month` is `2026-08`, or `default`: what came in a month that nobody had made a place for.
    """

    month: str
    calls: int
    due: int = 0
    open: int = 0
    blockers: tuple[Blocker, ...] = ()


class Archive(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A file that a month, or what was due of it, was exported to. `dropped_at` 0: it is still in the database, too; `problem` says why."""

    number: int
    month: str
    file: str
    sha256: str
    size: int
    calls: int
    events: int
    by: str
    exported_at: int
    dropped_at: int = 0
    problem: str = ""


class Retention(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """`keep_months` 0: everything is kept for ever. `before`: what was over then is due. Months oldest first, archives newest first."""

    keep_months: int = 0
    folder: str = ""
    before: int = 0
    running: bool = False
    months: tuple[Month, ...] = ()
    archives: tuple[Archive, ...] = ()
    problem: Problem | None = None
