"""Keeps a record's checkpoints in a folder elsewhere, and tells whether each continues the one that was kept before it.

The record signs what its database says, and remembers outside it what it signed; whoever has both, or the key, can still begin another
history. Two checkpoints that do not continue each other prove that: so somebody outside has to keep them.

The folder holds a file for each checkpoint, named by its size, and `keys.pub`, the keys that are trusted: those that the server named at
the first look, unless they were given. A key that the server names later is never trusted by itself.
"""

import os
from http.client import HTTPException
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec

from parlour.contracts.proofs import CheckpointKeys, Consistency
from parlour.kernel.merkle import continues
from parlour.runtime.signing.notes import (
    NOTE_BYTES,
    BadNote,
    Checkpoint,
    PublicKey,
    open_note,
    parse_checkpoint,
    parse_key,
)

KEYS = "keys.pub"
ANSWER_WITHIN_S = 20.0
ANSWER_BYTES = 1 << 20
"""More than any proof or list of keys."""


class Unreachable(Exception):
    """The server did not answer, or not with what was asked: nothing is known, neither good nor bad."""


class Contradiction(Exception):
    """What the server shows is not signed, or does not continue what was kept."""


class Source(Protocol):
    """Where checkpoints are read."""

    def get(self, path: str) -> bytes | None:
        """A public page; None where the server says that there is none. `Unreachable`."""
        ...


class Web:
    """A gateway."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url} is no http or https address")
        self._url = url.rstrip("/")

    def get(self, path: str) -> bytes | None:
        """See `Source.get`."""
        try:
            with urlopen(Request(self._url + path), timeout=ANSWER_WITHIN_S) as answer:
                content = answer.read(ANSWER_BYTES + 1)
        except HTTPError as error:
            if error.code in (400, 404, 409):
                return None
            raise Unreachable(f"{self._url}{path} answers {error.code}") from None
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{self._url}{path}: {error}") from None
        if len(content) > ANSWER_BYTES:
            raise Unreachable(f"{self._url}{path} answers with more than {ANSWER_BYTES} bytes")
        return content


class Keeper:
    """A folder of checkpoints. Not for two processes at once."""

    def __init__(self, folder: Path, source: Source, trusted: tuple[PublicKey, ...] = ()) -> None:
        self._folder = folder
        self._source = source
        self._trusted = trusted

    def look(self) -> str:
        """Fetches, checks and keeps the latest checkpoint; gives a sentence. `Contradiction`, `Unreachable`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = self._last()
        note = self._source.get("/checkpoint")
        if note is None or not note:
            if kept is None:
                raise Unreachable("no checkpoint has been made there yet")
            raise Contradiction(f"the server has no checkpoint any more, one of {kept.size} leaves is kept")
        text = self._signed(note)
        new = parse_checkpoint(text)
        if kept is None:
            self._keep(f"{new.size}.note", note)
            return f"{new.origin}: {new.size} leaves, the first that is kept"
        try:
            self._compare(kept, new)
        except Contradiction:
            self._keep(f"{new.size}.contradicts-{kept.size}", note)
            raise
        if new.size > kept.size:
            self._keep(f"{new.size}.note", note)
            return f"{new.origin}: {new.size} leaves, continues {kept.size}"
        return f"{new.origin}: {new.size} leaves, as before"

    def _signed(self, note: bytes) -> str:
        if len(note) > NOTE_BYTES:
            raise Contradiction(f"what the server gives as a checkpoint is longer than {NOTE_BYTES} bytes")
        try:
            return open_note(note.decode(), self._keys())
        except (BadNote, UnicodeDecodeError) as error:
            place = self._folder / KEYS
            hint = f"after a change of keys, put the new one into {place} by a way that you trust"
            self._keep("refused", note)
            raise Contradiction(f"the checkpoint: {error}; {hint}") from None

    def _compare(self, kept: Checkpoint, new: Checkpoint) -> None:
        if new.origin != kept.origin:
            raise Contradiction(f"the checkpoint is of {new.origin}, those that are kept are of {kept.origin}")
        if new.size < kept.size:
            raise Contradiction(f"the latest checkpoint has {new.size} leaves, one of {kept.size} was signed before")
        if new.size == kept.size:
            if new.root != kept.root:
                raise Contradiction(f"two trees of {new.size} leaves were signed")
            return
        proof = self._proof(kept.size, new.size)
        if proof is None or not continues(kept.root, kept.size, new.root, new.size, proof):
            raise Contradiction(
                f"the tree of {new.size} leaves does not begin with the tree of {kept.size} that was signed"
            )

    def _proof(self, old: int, new: int) -> tuple[bytes, ...] | None:
        content = self._source.get(f"/v1/checkpoints/consistency?old={old}&new={new}")
        try:
            return None if content is None else msgspec.json.decode(content, type=Consistency).path
        except msgspec.DecodeError:
            return None

    def _keys(self) -> tuple[PublicKey, ...]:
        place = self._folder / KEYS
        if self._trusted:
            return self._trusted
        if not place.exists():
            content = self._source.get("/v1/checkpoints/keys")
            try:
                named = msgspec.json.decode(content or b"", type=CheckpointKeys).keys
            except msgspec.DecodeError as error:
                raise Unreachable(f"the server names no keys: {error}") from None
            self._keep(KEYS, "".join(f"{one.key}\n" for one in named).encode())
        lines = (line.partition("#")[0].strip() for line in place.read_text().splitlines())
        return tuple(parse_key(line) for line in lines if line)

    def _last(self) -> Checkpoint | None:
        sizes = [int(one.stem) for one in self._folder.glob("*.note") if one.stem.isdigit()]
        if not sizes:
            return None
        text = (self._folder / f"{max(sizes)}.note").read_text()
        return parse_checkpoint(text)

    def _keep(self, name: str, content: bytes) -> None:
        """Whole or not at all, and on disk before anything is said of it."""
        half = self._folder / f"{name}.part"
        with open(half, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        half.replace(self._folder / name)
