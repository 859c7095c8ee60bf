"""Keeps a record's checkpoints in a folder, best on another machine, and checks that each continues the one before.

The record signs what its database says, and remembers outside it what it signed; whoever controls both, or the key, can still start another
history. Two checkpoints that do not continue each other prove that, so somebody outside has to keep them.

The folder has one file for each checkpoint, named by its size, and `keys.pub` with the trusted keys: those that the server named the
first time, unless they were given. A key that the server names later is not trusted by itself.
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

from .notes import NOTE_BYTES, BadNote, Checkpoint, PublicKey, open_note, parse_checkpoint, parse_keys

KEYS = "keys.pub"
ANSWER_TIMEOUT_S = 20.0
ANSWER_BYTES = 1 << 20
"""The longest answer that is read; proofs and lists of keys are far shorter."""


class Unreachable(Exception):
    """The server did not answer, or with something else: nothing is known about its history."""


class Contradiction(Exception):
    """The server's checkpoint is not signed by a trusted key, or does not continue the one that was kept."""


class CheckpointSource(Protocol):
    """Reads the public pages of a record."""

    def get(self, path: str) -> bytes | None:
        """Returns a public page, None where the server has none. Raises `Unreachable`."""
        ...


class GatewaySource:
    """Reads them from a gateway over HTTP."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url} is not an http or https address")
        self._url = url.rstrip("/")

    def get(self, path: str) -> bytes | None:
        try:
            with urlopen(Request(self._url + path), timeout=ANSWER_TIMEOUT_S) as answer:
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


class CheckpointKeeper:
    """A folder of checkpoints, used by one process at a time."""

    def __init__(self, folder: Path, source: CheckpointSource, trusted: tuple[PublicKey, ...] = ()) -> None:
        self._folder = folder
        self._source = source
        self._trusted = trusted

    def fetch(self) -> str:
        """Fetches, checks and keeps the latest checkpoint; returns a sentence about it. Raises `Contradiction` or `Unreachable`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        previous = self._last()
        note = self._source.get("/checkpoint")
        if not note:
            if previous is None:
                raise Unreachable("no checkpoint has been made there yet")
            raise Contradiction(f"the server has no checkpoint any more, one of {previous.size} leaves is kept")
        new = parse_checkpoint(self._signed(note))
        if previous is None:
            self._write(f"{new.size}.note", note)
            return f"{new.origin}: {new.size} leaves, the first that is kept"
        if problem := self._problem(previous, new):
            self._write(f"{new.size}.contradicts-{previous.size}", note)
            raise Contradiction(problem)
        if new.size > previous.size:
            self._write(f"{new.size}.note", note)
            return f"{new.origin}: {new.size} leaves, continues {previous.size}"
        return f"{new.origin}: {new.size} leaves, as before"

    def _signed(self, note: bytes) -> str:
        if len(note) > NOTE_BYTES:
            raise Contradiction(f"what the server gives as a checkpoint is longer than {NOTE_BYTES} bytes")
        try:
            return open_note(note.decode(), self._keys())
        except (BadNote, UnicodeDecodeError) as error:
            place = self._folder / KEYS
            hint = f"after a change of keys, put the new one into {place} by a channel that you trust"
            self._write("refused", note)
            raise Contradiction(f"the checkpoint: {error}; {hint}") from None

    def _problem(self, previous: Checkpoint, new: Checkpoint) -> str:
        """Says why one checkpoint does not continue the other; empty where it does."""
        if new.origin != previous.origin:
            return f"the checkpoint is of {new.origin}, those that are kept are of {previous.origin}"
        if new.size < previous.size:
            return f"the latest checkpoint has {new.size} leaves, one of {previous.size} was signed before"
        if new.size == previous.size:
            return "" if new.root == previous.root else f"two trees of {new.size} leaves were signed"
        proof = self._proof(previous.size, new.size)
        if proof is not None and continues(previous.root, previous.size, new.root, new.size, proof):
            return ""
        return f"the tree of {new.size} leaves does not begin with the tree of {previous.size} that was signed"

    def _proof(self, old: int, new: int) -> tuple[bytes, ...] | None:
        content = self._source.get(f"/v1/checkpoints/consistency?old={old}&new={new}")
        try:
            return None if content is None else msgspec.json.decode(content, type=Consistency).path
        except msgspec.DecodeError:
            return None

    def _keys(self) -> tuple[PublicKey, ...]:
        if self._trusted:
            return self._trusted
        place = self._folder / KEYS
        if not place.exists():
            content = self._source.get("/v1/checkpoints/keys")
            try:
                named = msgspec.json.decode(content or b"", type=CheckpointKeys).keys
            except msgspec.DecodeError as error:
                raise Unreachable(f"the server names no keys: {error}") from None
            self._write(KEYS, "".join(f"{one.key}\n" for one in named).encode())
        return parse_keys(place.read_text())

    def _last(self) -> Checkpoint | None:
        sizes = [int(one.stem) for one in self._folder.glob("*.note") if one.stem.isdigit()]
        return parse_checkpoint((self._folder / f"{max(sizes)}.note").read_text()) if sizes else None

    def _write(self, name: str, content: bytes) -> None:
        """Writes a file whole or not at all, and returns when it is on disk."""
        half = self._folder / f"{name}.part"
        with open(half, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        half.replace(self._folder / name)
