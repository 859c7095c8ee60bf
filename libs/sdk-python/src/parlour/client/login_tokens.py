"""Signed login tokens, made on an application's own server: nobody who holds no key can make one.

The form is a JWT (RFC 7519), so any JWT library makes the same; the how-to about tokens has the recipe.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any

import jwt

PURPOSE = b"parlour.login.v1"
TYPE = "parlour-login+jwt"
AUDIENCE = "parlour"
DAY_S = 86_400


def login_token(
    app: int,
    user: str,
    *,
    secret: str = "",
    private_key: str = "",
    kid: str = "",
    room: str = "",
    publish: bool = True,
    streams: Sequence[str] = (),
    lifetime_s: int = DAY_S,
    now_s: int | None = None,
) -> str:
    """A token by which `user` logs in to `app`, for `lifetime_s` seconds (31 days at most).

    Signed with the app's `secret` (HS256), or with an Ed25519 `private_key` in PEM whose public half was registered as `kid`. `room` empty
    means any room, no `streams` any stream. ValueError where not exactly one of the two is given.
    """
    if bool(secret) == bool(private_key) or (private_key and not kid):
        raise ValueError("give either secret, or private_key with the kid that it was registered under")
    issued = int(time.time()) if now_s is None else now_s
    claims: dict[str, Any] = {"aud": AUDIENCE, "app": app, "user": user, "iat": issued, "exp": issued + lifetime_s}
    if room:
        claims["room"] = room
    if not publish:
        claims["publish"] = False
    if streams:
        claims["streams"] = list(streams)
    if private_key:
        return jwt.encode(claims, private_key, "EdDSA", {"typ": TYPE, "kid": kid})
    key = hmac.digest(secret.encode(), PURPOSE, hashlib.sha256)
    return jwt.encode(claims, key, "HS256", {"typ": TYPE, "kid": kid or hashlib.sha256(key).hexdigest()[:8]})
