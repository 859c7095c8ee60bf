"""Signed login tokens: JWTs by which a user logs in, publishes and reads; who holds no key cannot make one.

    header  {"alg": "HS256" | "EdDSA", "typ": TYPE, "kid": which key}
    claims  {"aud": AUDIENCE, "app", "user", "iat", "exp", and where wanted "nbf", "jti", "room", "publish", "streams"}

HS256 is signed with a key derived from the app's secret, EdDSA (Ed25519) with a key whose public half the app registered.
"""

import hashlib
import hmac

TYPE = "parlour-login+jwt"
AUDIENCE = "parlour"
PURPOSE = b"parlour.login.v1"
"""The secret signs nothing itself: each purpose has a key of its own, so that no token of one can be taken for another's."""
LONGEST_S = 31 * 86_400
KEYS_MAX = 16
"""Public keys of one app: two for each of a few token servers while they are changed."""
_KID_CHARS = 8


def key_of(secret: str) -> bytes:
    """The HS256 key: HMAC-SHA256 of the purpose under the app's secret, 32 bytes."""
    return hmac.digest(secret.encode(), PURPOSE, hashlib.sha256)


def kid_of(key: bytes) -> str:
    """The name of a key: the first 8 hexadecimal digits of its SHA-256. Of an Ed25519 key its 32 raw public bytes are hashed."""
    return hashlib.sha256(key).hexdigest()[:_KID_CHARS]
