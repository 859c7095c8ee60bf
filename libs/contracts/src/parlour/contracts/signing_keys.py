"""Keys that sign tokens: how one is made of an app's secret, and by which name tokens say which it was.

The secret signs nothing itself: each purpose has a key of its own, so that no token of one can be taken for another's.
"""

import hashlib
import hmac

_KID_CHARS = 8


def key_for(secret: str, purpose: bytes) -> bytes:
    """Derives the HS256 key of a purpose: HMAC-SHA256 of the purpose under the app's secret, 32 bytes."""
    return hmac.digest(secret.encode(), purpose, hashlib.sha256)


def kid_of(key: bytes) -> str:
    """The name of a key: the first 8 hexadecimal digits of its SHA-256. Of an Ed25519 key its 32 raw public bytes are hashed."""
    return hashlib.sha256(key).hexdigest()[:_KID_CHARS]
