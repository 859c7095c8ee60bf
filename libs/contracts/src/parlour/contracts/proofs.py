"""Questions about the record's tree of room heads, and about a log's stored bytes.

The tree's leaves are room heads in the order in which checkpoints took them up. These questions belong to no app: their subjects name
app 0, which only the suite's own users of NATS may ask.
"""

from uuid import UUID

import msgspec

from .codes import Problem
from .spelling import wire_name

NO_APP = 0
LEAF_TAG = b"parlour.head.1"


def head_entry(room_uid: UUID, seq: int, hash_: bytes) -> bytes:
    """Returns a leaf's bytes: `'parlour.head.1' ‖ room_uid ‖ seq as int8 ‖ hash`, 70 bytes."""
    return LEAF_TAG + room_uid.bytes + seq.to_bytes(8, "big") + hash_


class CheckpointQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Asks for the signed checkpoint of `size`; 0: the latest."""

    size: int = 0


class SignedCheckpoint(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """`note` is a C2SP signed note, empty where there is none yet; `at` is unix microseconds, as our clock had it, and not signed."""

    note: str = ""
    size: int = 0
    at: int = 0
    problem: Problem | None = None


class KeysQuery(msgspec.Struct, frozen=True):
    """Asks for every key that ever signed a checkpoint."""


class CheckpointKey(msgspec.Struct, frozen=True, rename=wire_name):
    """`key` is `name+hash+base64`; `retired_at` (unix microseconds) is when it stops or stopped to sign, 0 for the current one."""

    key: str
    made_at: int
    retired_at: int


class CheckpointKeys(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to `KeysQuery`: the keys, the newest first."""

    keys: tuple[CheckpointKey, ...] = ()
    problem: Problem | None = None


class TreeQuery(msgspec.Struct, frozen=True):
    """How the tree stands. `whole`: all of it is computed anew first, which takes about a second for 200,000 leaves."""

    whole: bool = False


class TreeStanding(msgspec.Struct, frozen=True, omit_defaults=True):
    """`damaged` says what is wrong, empty: nothing is; `refused` counts heads that were not signed since the service started.

    `sizes` are those of the last checkpoints, the largest first.
    """

    size: int = 0
    damaged: str = ""
    refused: int = 0
    sizes: tuple[int, ...] = ()
    problem: Problem | None = None


class RotateKeyQuery(msgspec.Struct, frozen=True):
    """A new signing key; the one before signs beside it for a day. An operator's."""


class InclusionQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """The last head of a log that a checkpoint holds. With `app`, a log of another app is as good as none."""

    room_uid: str
    app: int = 0
    room: str = ""


class Inclusion(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """`path` proves the head (`seq`, `hash`) as leaf `index` of the tree in `note`. `size` 0: no checkpoint has the log yet."""

    room_uid: str = ""
    seq: int = 0
    hash: bytes = b""
    index: int = 0
    size: int = 0
    path: tuple[bytes, ...] = ()
    note: str = ""
    problem: Problem | None = None


class ConsistencyQuery(msgspec.Struct, frozen=True):
    """That the tree of `new` leaves begins with the tree of `old`; `new` 0: the latest checkpoint."""

    old: int
    new: int = 0


class Consistency(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consistency proof as RFC 9162 §2.1.4 defines it."""

    old: int = 0
    new: int = 0
    path: tuple[bytes, ...] = ()
    problem: Problem | None = None


class TileQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kept hashes (or, with `entries`, leaves' bytes) `index * 256 …`, `width` of them."""

    level: int
    index: int
    width: int
    entries: bool = False


class Tile(msgspec.Struct, frozen=True, omit_defaults=True):
    """As C2SP's tlog-tiles serves it: hashes one after the other, or entries each behind its length."""

    content: bytes = b""
    problem: Problem | None = None


class StoredQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Stored events of a log after `after`, at most `limit` (0: only where it stands). The first page is noted as an export, with `by`."""

    room_uid: str
    after: int = 0
    limit: int = 500
    by: str = ""


class StoredEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as the database has it: nothing is checked or mended. `view` is its data opened, for people to read.

    `salts` holds by field what discloses an opened text: with it the text can be checked against the commitment in `env`.
    """

    seq: int
    at: int
    env: bytes
    prev: bytes
    hash: bytes
    view: msgspec.Raw = msgspec.Raw(b"null")
    user: str = ""
    erased: bool = False
    salts: dict[str, bytes] = {}


class StoredPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """`seq` and `hash` are the log's head, as its own row has it."""

    app: int = 0
    room: str = ""
    seq: int = 0
    hash: bytes = b""
    open: bool = False
    events: tuple[StoredEvent, ...] = ()
    problem: Problem | None = None


class ExportsQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Who exported a log; an empty `room_uid`: any."""

    room_uid: str = ""


class ExportTaken(msgspec.Struct, frozen=True, rename=wire_name):
    """`by` is as the asker gave it; `at` unix microseconds."""

    room_uid: str
    app: int
    room: str
    by: str
    at: int


class Exports(msgspec.Struct, frozen=True, omit_defaults=True):
    """The latest first, at most 500."""

    exports: tuple[ExportTaken, ...] = ()
    problem: Problem | None = None
