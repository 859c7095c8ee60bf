"""Reads and makes subscription tokens: JWTs (RFC 7519, HS256), signed by the suite or by an application's own server.

Rules, in this order, each refused before the next is checked:
1. A JWS of three parts with HS256 and known claims (`TOKEN_FORMAT`).
2. Signed with the key of one of the app's valid secrets; `kid`, where it is there, says which (`TOKEN_REFUSED`).
3. For this app, with known scopes (`TOKEN_REFUSED`).
4. Not expired, not valid for longer than `TTL_MAX_S` from now, and not from the future: neither `nbf` nor `iat` lies more than the clocks'
   leeway ahead (`TOKEN_EXPIRED`). An `iat` further ahead would outlive a revocation.
The key is derived from the secret for this one purpose, so that no other use of the secret can be taken for a signature.
"""

from collections.abc import Sequence

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import Invalid, check_room_id, check_user_id
from parlour.contracts.signing_keys import key_for, kid_of
from parlour.contracts.subjects import decode_id, encode_id
from parlour.contracts.subscriptions import ANY_ROOM, SCOPES, TTL_MAX_S, Subscription
from parlour.kernel.rejection import Rejection

from . import jws
from .verify import MAX_LEEWAY_S

PURPOSE = b"parlour.subscription.v1"
TOKEN_BYTES = 4096
JTI_CHARS = 64


class SubscriptionClaims(msgspec.Struct, frozen=True, omit_defaults=True):
    """The claims of a subscription token; `iat`, `nbf` and `exp` are unix seconds, the first two with a fraction."""

    app: int
    room: str
    scopes: tuple[str, ...]
    exp: int
    jti: str
    iat: float = 0.0
    user: str = ""
    nbf: float = 0.0


def key_of(secret: str) -> bytes:
    """The HS256 key of subscription tokens under an app's secret."""
    return key_for(secret, PURPOSE)


def sign(claims: SubscriptionClaims, secret: str) -> str:
    """The token, signed with the app's secret. The same claims give the same token."""
    key = key_of(secret)
    return jws.sign(claims, key, {"kid": kid_of(key)})


def claims_for(
    app: int, room: str, user: str, scopes: tuple[str, ...], *, jti: str, at_ms: int, ttl_s: int
) -> SubscriptionClaims:
    """The claims of a new token; an empty `room` allows any room."""
    exp = at_ms // 1000 + ttl_s
    return SubscriptionClaims(app, encode_id(room) if room else ANY_ROOM, scopes, exp, jti, at_ms / 1000, user)


def check_scopes(scopes: tuple[str, ...]) -> None:
    """Raises `Rejection` unless there is at least one scope and each is known."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise Rejection(
            Code.PARAMETER, "a subscription needs known scopes", field="scopes", limit=", ".join(SCOPES),
            hint=f"{unknown[0][:40]!r} is none" if unknown else "name at least one",
        )  # fmt: skip


def read(token: str, app: int, secrets: Sequence[str], now_s: int, leeway_s: int = MAX_LEEWAY_S) -> Subscription:
    """What the token allows; `Rejection` where a rule refuses it."""
    claims = _opened(token, secrets)
    if claims.app != app:
        raise _refused("the token is for another app")
    if not claims.scopes or any(scope not in SCOPES for scope in claims.scopes):
        raise _refused("the token names a scope that does not exist")
    if claims.exp <= now_s:
        raise Rejection(Code.TOKEN_EXPIRED, "the token has expired", hint="ask for a new token")
    if claims.exp > now_s + TTL_MAX_S:
        raise Rejection(Code.TOKEN_EXPIRED, "the token would be valid for too long", limit=f"{TTL_MAX_S} s")
    if max(claims.nbf, claims.iat) >= now_s + 1 + leeway_s:  # `now_s` is a whole second
        raise Rejection(Code.TOKEN_EXPIRED, "the token is from the future", hint="check the clock of the token's maker")
    try:
        room = None if claims.room == ANY_ROOM else check_room_id(decode_id(claims.room))
        user = check_user_id(claims.user) if claims.user else None
    except (ValueError, Invalid):
        raise malformed() from None
    return Subscription(app, claims.scopes, claims.exp, claims.jti, room, user, round(claims.iat * 1000))


def app_of(token: str) -> int:
    """The app that a token names, not verified: it says with whose secrets to check the signature."""
    _kid(token)
    return _claims(jws.read_unverified(token, malformed)).app


def _opened(token: str, secrets: Sequence[str]) -> SubscriptionClaims:
    kid = _kid(token)
    keys = [key for key in map(key_of, secrets) if not kid or kid == kid_of(key)]
    payload = jws.open_signed(token, keys, jws.HMAC, malformed)
    if payload is None:
        raise _refused("the token is not signed with a secret of this app")
    return _claims(payload)


def _kid(token: str) -> str:
    header = jws.read_header(token, TOKEN_BYTES, malformed)
    if header.alg != jws.HMAC:
        raise malformed()
    return header.kid or ""


def _claims(payload: bytes) -> SubscriptionClaims:
    try:
        claims = msgspec.json.decode(payload, type=SubscriptionClaims)
    except msgspec.DecodeError:
        raise malformed() from None
    if not 0 < len(claims.jti) <= JTI_CHARS or not (0 <= claims.iat < 2**40 and claims.nbf < 2**40):
        raise malformed()
    return claims


def malformed() -> Rejection:
    """The refusal of a text that is no subscription token."""
    return Rejection(
        Code.TOKEN_FORMAT, "the token is not a subscription token", field="token",
        limit=f"a JWT of HS256 with app, room, scopes, exp and jti; {TOKEN_BYTES} bytes",
    )  # fmt: skip


def _refused(why: str) -> Rejection:
    return Rejection(Code.TOKEN_REFUSED, why, hint="ask for a new token")
