"""Signed login tokens: JWTs by which a user logs in, publishes and reads; who holds no key cannot make one.

    header  {"alg": "HS256" | "EdDSA", "typ": TYPE, "kid": which key}
    claims  {"aud": AUDIENCE, "app", "user", "iat", "exp", and where wanted "nbf", "jti", "room", "publish", "streams"}

HS256 is signed with a key derived from the app's secret, EdDSA (Ed25519) with a key whose public half the app registered.
"""

from .signing_keys import key_for

TYPE = "parlour-login+jwt"
AUDIENCE = "parlour"
PURPOSE = b"parlour.login.v1"
LONGEST_S = 31 * 86_400
KEYS_MAX = 16
"""Public keys of one app: two for each of a few token servers while they are changed."""


def key_of(secret: str) -> bytes:
    """Returns the HS256 key of login tokens under an app's secret."""
    return key_for(secret, PURPOSE)
