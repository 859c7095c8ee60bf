"""Exports of a room made in memory: sealed events in a chain, as they are shown to an auditor, and a signer's tree that has their head."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.contracts import events as ev
from parlour.contracts.envelope import GENESIS, Envelope, chain_hash, encode_envelope
from parlour.contracts.proofs import Consistency, Inclusion, head_entry
from parlour.kernel import merkle
from parlour.kernel.log import LogKey, Record
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.sealing import actor_of, disclose_texts, open_records, seal_event
from parlour.verify.layout import KIND, End, Header, Line
from parlour.verify.notes import Checkpoint, SigningKey, sign_note

APP = 77
ROOM = "studio"
UID = "01980000-0000-7000-8000-000000000001"
KEY = SigningKey("test.example/record", Ed25519PrivateKey.from_private_bytes(bytes(32)))


def recorded(people: UserKeyStore, events: Iterable[ev.Event]) -> tuple[Record, ...]:
    """The events as the log has them; the keys of their people must be loaded."""
    made: list[Record] = []
    prev = GENESIS
    for seq, event in enumerate(events, 1):
        data = seal_event(people, event)
        env = encode_envelope(Envelope(UID, event.AGGREGATE, 0, event.TAG, actor_of(event), "", "", "", data))
        hash_ = chain_hash(prev, seq, seq, env)
        log = LogKey(APP, ROOM, UUID(UID))
        made.append(Record(log, seq, seq, 0, seq, event.AGGREGATE, 0, event.TAG, 0, env, prev, hash_))
        prev = hash_
    return tuple(made)


async def shown(people: UserKeyStore, records: tuple[Record, ...]) -> list[Line]:
    """The lines of an export of them, with what can be opened."""
    views = await open_records(people, records)
    return [
        Line(record.seq, record.at, record.env, record.hash, b"", view.data, view.user_id, view.erased, salts)
        for record, (view, salts) in zip(records, await disclose_texts(people, records, views), strict=True)
        if view is not None
    ]


def chained(lines: Iterable[Line]) -> list[Line]:
    """The lines with numbers and hashes written anew, as a forger does it who knows how."""
    made: list[Line] = []
    prev = GENESIS
    for seq, line in enumerate(lines, 1):
        prev = chain_hash(prev, seq, line.at, line.env)
        made.append(msgspec.structs.replace(line, seq=seq, hash=prev))
    return made


class Tree:
    """A signer's tree of eight heads, whose fifth is the export's; `other` makes another tree of it."""

    def __init__(self, head: Line, other: bytes = b"") -> None:
        self.leaves = [merkle.leaf_hash(other + bytes([n])) for n in range(8)]
        self.leaves[4] = merkle.leaf_hash(head_entry(UUID(UID), head.seq, head.hash))
        self.head = head

    def note(self, size: int, key: SigningKey = KEY) -> str:
        """The signed checkpoint of the tree's first heads."""
        edge = merkle.Edge()
        edge.extend(self.leaves[:size])
        return sign_note(Checkpoint(key.public.name, size, edge.root()).text(), (key,))

    def inclusion(self, size: int = 6, key: SigningKey = KEY) -> Inclusion:
        """The proof that goes into the header of the export."""
        path = self._path(merkle.inclusion(4, size))
        return Inclusion(UID, self.head.seq, self.head.hash, 4, size, path, self.note(size, key))

    def consistency(self, old: int, new: int) -> Consistency:
        """The proof that the tree of `new` heads begins with that of `old`."""
        return Consistency(old, new, self._path(merkle.consistency(old, new)))

    def _path(self, ranges: tuple[merkle.Range, ...]) -> tuple[bytes, ...]:
        return tuple(
            merkle.hash_of(a, b, lambda run: self.leaves[run.first : run.first + run.count]) for a, b in ranges
        )


def header(proof: Inclusion | None, room: str = ROOM, carried: Consistency | None = None) -> Header:
    """The first line of an export of `room`, with the proof and the consistency proof that it carries."""
    return Header(KIND, APP, room, UID, 1, "Jo", proof, carried)


def written(first: Header, lines: list[Line]) -> list[bytes]:
    """The lines of the file, from the first to the end."""
    last = lines[-1].hash if lines else GENESIS
    return [msgspec.json.encode(part) + b"\n" for part in (first, *lines, End(len(lines), last))]
