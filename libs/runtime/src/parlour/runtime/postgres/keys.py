"""Encryption of personal text: AES-256-GCM with a random 12-byte nonce before the ciphertext, bound to a context.

The form of a sealed text and the commitment in it are described in `parlour.contracts.sealed_text`.
"""

import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parlour.contracts.sealed_text import SealedText, sealed_text, text_commitment

KEY_BYTES = 32
_NONCE_BYTES = 12


def seal_bytes(cipher: AESGCM, bound_to: str, plain: bytes) -> bytes:
    """Encrypts bytes and returns nonce ‖ ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to.encode())


def open_bytes(cipher: AESGCM, bound_to: str, sealed: bytes) -> bytes:
    """Decrypts bytes; ValueError if they were not sealed with this key for this context."""
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise ValueError(f"this was not sealed for {bound_to}") from error


class SealingKey:
    """A key for one purpose, derived from the master key: it seals what a service stores, each time bound to a context."""

    def __init__(self, master_key: bytes, purpose: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(master_key, purpose, hashlib.sha256))

    def seal(self, bound_to: str, plain: bytes) -> bytes:
        """Encrypts bytes as `seal_bytes` does."""
        return seal_bytes(self._cipher, bound_to, plain)

    def open(self, bound_to: str, sealed: bytes) -> bytes:
        """Decrypts bytes as `open_bytes` does."""
        return open_bytes(self._cipher, bound_to, sealed)


class PersonKey:
    """A person's key: it seals and opens texts, and makes the salt of each text's commitment.

    A salt is derived from the key and the text's nonce: to disclose one opens no other text, and all of them go with the key.
    """

    def __init__(self, key: bytes, draw: Callable[[int], bytes] = os.urandom) -> None:
        self.cipher = AESGCM(key)
        self._salting = hmac.digest(key, b"parlour.person.salt", hashlib.sha256)
        self._draw = draw

    def seal(self, actor: str, context: str, text: str) -> str:
        """Returns the text as it is stored."""
        nonce, bound_to = self._draw(_NONCE_BYTES), f"{actor}|{context}".encode()
        commitment = text_commitment(self._salt(nonce, bound_to), actor, context, text)
        return str(sealed_text(actor, commitment, nonce + self.cipher.encrypt(nonce, text.encode(), bound_to)))

    def open(self, context: str, sealed: SealedText) -> str:
        """Returns the text; ValueError if it was not sealed with this key for this context."""
        return open_bytes(self.cipher, f"{sealed.actor}|{context}", sealed.ciphertext).decode()

    def salt(self, context: str, sealed: SealedText) -> bytes:
        """Returns the salt that proves the text against its commitment; empty if it has none."""
        if not sealed.commitment:
            return b""
        return self._salt(sealed.ciphertext[:_NONCE_BYTES], f"{sealed.actor}|{context}".encode())

    def _salt(self, nonce: bytes, bound_to: bytes) -> bytes:
        return hmac.digest(self._salting, nonce + bound_to, hashlib.sha256)


class MasterKey:
    """Wraps people's keys and makes their look-ups; the two uses have keys of their own, derived from the 32 bytes given."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the master key has {len(key)} bytes, not {KEY_BYTES}")
        self._wrapping = SealingKey(key, b"parlour.people.wrap")
        self._lookup = hmac.digest(key, b"parlour.people.lookup", hashlib.sha256)

    def lookup(self, app: int, user_id: str) -> bytes:
        """Returns the keyed hash that a user is found by, which does not tell who it is."""
        return hmac.digest(self._lookup, f"{app}/{user_id}".encode(), "sha256")

    def new_key(self, actor: str) -> tuple[PersonKey, bytes]:
        """Makes a user's key and returns it, usable and wrapped."""
        key = os.urandom(KEY_BYTES)
        return PersonKey(key), self._wrapping.seal(actor, key)

    def unwrap(self, actor: str, wrapped: bytes) -> PersonKey:
        """Decrypts a stored key; ValueError if another master key wrapped it."""
        return PersonKey(self._wrapping.open(actor, wrapped))
