"""The bytes of sealed things: AES-256-GCM, a random 12-byte nonce before the ciphertext, bound to what it belongs to.

Sealed text is `actor:base64(nonce ‖ ciphertext)` with `actor|context` as additional data, so that it opens nowhere but in its place.
"""

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


def seal_bytes(cipher: AESGCM, bound_to: str, plain: bytes) -> bytes:
    """nonce ‖ ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to.encode())


def open_bytes(cipher: AESGCM, bound_to: str, sealed: bytes) -> bytes:
    """The plain bytes; ValueError if they were not sealed with this key for this place."""
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise ValueError(f"this was not sealed for {bound_to}") from error


def seal_text(cipher: AESGCM, actor: str, context: str, text: str) -> str:
    """`actor:base64(…)`."""
    return f"{actor}:{base64.b64encode(seal_bytes(cipher, f'{actor}|{context}', text.encode())).decode()}"


def open_text(cipher: AESGCM, actor: str, context: str, packed: str) -> str:
    """The text of what stands behind `actor:`."""
    try:
        sealed = base64.b64decode(packed, validate=True)
    except binascii.Error as error:
        raise ValueError("sealed text is not base64") from error
    return open_bytes(cipher, f"{actor}|{context}", sealed).decode()


def split(sealed: str) -> tuple[str, str]:
    """The actor and the packed rest of a sealed text."""
    actor, colon, packed = sealed.partition(":")
    if not colon:
        raise ValueError("sealed text names no actor")
    return actor, packed


class MasterKey:
    """Wraps people's keys and makes their look-ups; the two uses have keys of their own, derived from the 32 bytes given."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the master key has {len(key)} bytes, not {KEY_BYTES}")
        self._wrapping = AESGCM(_derived(key, b"wrap"))
        self._lookup = _derived(key, b"lookup")

    def lookup(self, app: int, user_id: str) -> bytes:
        """What a person is found by, without telling who it is."""
        return hmac.digest(self._lookup, f"{app}/{user_id}".encode(), "sha256")

    def new_key(self, actor: str) -> tuple[AESGCM, bytes]:
        """A person's new key, usable and wrapped."""
        key = AESGCM.generate_key(KEY_BYTES * 8)
        return AESGCM(key), seal_bytes(self._wrapping, actor, key)

    def unwrap(self, actor: str, wrapped: bytes) -> AESGCM:
        """A stored key; ValueError under another master key."""
        return AESGCM(open_bytes(self._wrapping, actor, wrapped))


def _derived(key: bytes, use: bytes) -> bytes:
    return hmac.digest(key, b"parlour.people." + use, hashlib.sha256)
