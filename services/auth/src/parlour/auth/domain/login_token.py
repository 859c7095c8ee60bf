"""Reads and makes signed login tokens (JWT, RFC 7519); see `parlour.contracts.login_tokens` for their form.

Rules, in this order, each refused before the next is checked:
1. A JWS of three parts whose header names an algorithm of the two, the type and a key (`TOKEN_FORMAT`).
2. Signed with that key, which must be of that algorithm: a public key never checks an HMAC (`TOKEN_REFUSED`).
3. Known claims only, for this audience, this app and this user (`TOKEN_REFUSED`).
4. Neither from the future nor expired, give or take `leeway_s`, nor valid for longer than the limit (`TOKEN_EXPIRED`).
5. Room, `publish` and `streams` allow what is asked, whatever the app's rule on privileges: they are signed.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from parlour.contracts import login_tokens as form
from parlour.contracts.codes import Code
from parlour.contracts.commands import TokenChecked
from parlour.contracts.ids import Invalid, check_room_id, check_stream_id, check_user_id, invalid
from parlour.contracts.signing_keys import kid_of
from parlour.kernel.rejection import Rejection

from . import jws, privilege
from .jws import EDDSA, HMAC
from .privilege import Privileges
from .token04 import MAX_CHARS, Fine, flaw
from .verify import Question, check_owner, check_times

PEM_CHARS = 1024


class LoginClaims(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The claims of a login token; times in unix seconds. An empty `room` allows any room, empty `streams` any stream."""

    aud: str | tuple[str, ...]
    app: int
    user: str
    iat: float
    exp: int
    nbf: float = 0.0
    jti: str = ""
    room: str = ""
    publish: bool = True
    streams: tuple[str, ...] = ()


def is_signed(token: str) -> bool:
    """Whether the text has the outer form of a JWT."""
    return token.count(".") == 2 and not token.startswith("04")


def check(
    token: str, question: Question, secrets: Sequence[str], public_keys: Mapping[str, str], now_s: int, *,
    leeway_s: int, longest_s: int,
) -> TokenChecked:  # fmt: skip
    """What the token allows; `Rejection` where it does not allow what is asked. `public_keys`: base64 of each by its id."""
    claims = _claims(_opened(token, secrets, public_keys))
    _check_owner(claims, question)
    begins_s = max(claims.iat, claims.nbf)
    check_times(begins_s, claims.exp, now_s, leeway_s, min(longest_s, form.LONGEST_S))
    allowed = Privileges(claims.room, True, claims.publish, claims.streams)
    privilege.check_room(allowed, question.room)
    if question.purpose == "publish":
        privilege.check_publish(allowed, question.stream_id)
    return TokenChecked(claims.user, claims.exp, claims.room, claims.publish, claims.streams)


def sign(claims: LoginClaims, secret: str) -> str:
    """The token, signed with the app's secret. The same claims give the same token."""
    key = form.key_of(secret)
    return jws.sign(claims, key, {"typ": form.TYPE, "kid": kid_of(key)})


def public_key(pem: str) -> str:
    """The base64 of an Ed25519 public key in PEM; `Invalid` for anything else, a private key above all."""
    hint = "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout"
    if len(pem) > PEM_CHARS or "PRIVATE" in pem:
        raise invalid(Code.PARAMETER, "public_key", "this is not a public key", hint=hint)
    try:
        key = load_pem_public_key(pem.encode())
    except Exception:  # cryptography raises what its parsers do
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise invalid(Code.PARAMETER, "public_key", "this is not an Ed25519 public key in PEM", hint=hint)
    return base64.b64encode(key.public_bytes_raw()).decode()


def _opened(token: str, secrets: Sequence[str], public_keys: Mapping[str, str]) -> bytes:
    header = jws.read_header(token, MAX_CHARS, malformed)
    if header.alg not in (HMAC, EDDSA) or header.typ != form.TYPE or header.kid is None:
        raise malformed()
    keys: list[Any] = []
    if header.alg == HMAC:
        keys = [key for key in map(form.key_of, secrets) if kid_of(key) == header.kid]
    elif header.kid in public_keys:
        keys = [Ed25519PublicKey.from_public_bytes(base64.b64decode(public_keys[header.kid]))]
    claims = jws.open_signed(token, keys, header.alg, malformed)
    if claims is None:
        hint = "kid names the key: parlour apps keys list"
        raise flaw(Code.TOKEN_REFUSED, "the token is not signed with a key of this app", Fine.REFUSED, hint)
    return claims


def _claims(payload: bytes) -> LoginClaims:
    try:
        claims = msgspec.json.decode(payload, type=LoginClaims)
        check_user_id(claims.user)
        if claims.room:
            check_room_id(claims.room)
        for stream_id in claims.streams:
            check_stream_id(stream_id)
    except (msgspec.DecodeError, Invalid) as error:
        why = error.problem.message if isinstance(error, Invalid) else str(error)[:120]
        raise flaw(
            Code.TOKEN_REFUSED, f"the token's claims are not those of a login token: {why}", Fine.PAYLOAD
        ) from None
    return claims


def _check_owner(claims: LoginClaims, question: Question) -> None:
    if form.AUDIENCE not in ((claims.aud,) if isinstance(claims.aud, str) else claims.aud):
        raise flaw(Code.TOKEN_REFUSED, "the token is for another audience", Fine.REFUSED, f'aud is "{form.AUDIENCE}"')
    check_owner(claims.app, claims.user, question)


def malformed() -> Rejection:
    """The refusal of a text that is no signed login token."""
    return flaw(
        Code.TOKEN_FORMAT, "the token is not a signed login token", Fine.REFUSED,
        f"a JWT of {HMAC} or {EDDSA} with typ {form.TYPE} and kid",
    )  # fmt: skip
