"""Signed notes and checkpoints as specified by C2SP (signed-note, tlog-checkpoint), with Ed25519 keys.

A key is written as `name+hash+base64`, where hash is the first four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key) in hexadecimal and
the base64 holds 0x01 ‖ public key. Signatures by keys that the reader does not trust are ignored.
"""

import base64
import binascii
import hashlib
import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
NOTE_BYTES = 64 * 1024
"""The longest note that is read; those of a record have less than 1 KiB."""
_NAME = re.compile(r"[^\s+]+")


class BadNote(ValueError):
    """The note, key or checkpoint is malformed, or no trusted key signed it."""


class Checkpoint(msgspec.Struct, frozen=True):
    """The size and root of a Merkle tree, as its owner signs them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed, with its final newline."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


class PublicKey(msgspec.Struct, frozen=True):
    """A public key that verifies the signatures of notes."""

    name: str
    raw: bytes

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{_b64(ED25519 + self.raw)}"


class SigningKey:
    """A private key that signs notes under its name."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        if not _NAME.fullmatch(name):
            raise BadNote(f"{name!r} can't be a key's name: no spaces, no +")
        self._private = private
        self.public = PublicKey(name, private.public_key().public_bytes_raw())

    def signature_line(self, text: str) -> str:
        """The line that is added below a note for this key's signature of its text."""
        packed = self.public.hash + self._private.sign(text.encode())
        return f"— {self.public.name} {_b64(packed)}\n"


def sign_note(text: str, keys: tuple[SigningKey, ...]) -> str:
    """The note: a text and the signatures of it by each key."""
    return text + "\n" + "".join(key.signature_line(text) for key in keys)


def parse_key(text: str) -> PublicKey:
    """Reads a public key as `str(key)` writes it; `BadNote` where it is malformed."""
    name, _, rest = text.strip().partition("+")
    key_hash, _, packed = rest.partition("+")
    raw = _unb64(packed, "the key")
    key = PublicKey(name, raw[1:])
    if not _NAME.fullmatch(name) or raw[:1] != ED25519 or len(raw) != 33:
        raise BadNote("the key is not name+hash+base64 of an Ed25519 key")
    if key.hash.hex() != key_hash:
        raise BadNote(f"the key's hash is {key.hash.hex()}, not {key_hash}: it was copied wrongly")
    return key


def parse_keys(text: str) -> tuple[PublicKey, ...]:
    """Reads the keys of a file: one a line, with `#` before comments. `BadNote` where one is malformed."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    return tuple(parse_key(line) for line in lines if line.strip())


def open_note(note: str, trusted: tuple[PublicKey, ...]) -> str:
    """Returns the text of a note that one of the trusted keys signed; `BadNote` for any other."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or len(note) > NOTE_BYTES:
        raise BadNote("this is not a signed note")
    text += "\n"
    by_name = {(key.name, key.hash): key for key in trusted}
    for line in signatures.splitlines():
        mark, _, rest = line.partition(" ")
        name, _, packed = rest.partition(" ")
        raw = _unb64(packed, "a signature")
        if mark != "—" or len(raw) < 5:
            raise BadNote("a line below the note is not a signature")
        key = by_name.get((name, raw[:4]))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(raw[4:], text.encode())
        except InvalidSignature:
            raise BadNote(f"the signature of {name} is not good") from None
        return text
    raise BadNote("no key that is trusted signed this note")


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads a checkpoint from a note's text; lines after the third are extensions and are ignored. `BadNote` where it is malformed."""
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise BadNote("this is not a checkpoint")
    root = _unb64(lines[2], "the root")
    if len(root) != 32:
        raise BadNote("the checkpoint's root is not a hash")
    return Checkpoint(lines[0], int(lines[1]), root)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unb64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote(f"{what} is not base64") from None
