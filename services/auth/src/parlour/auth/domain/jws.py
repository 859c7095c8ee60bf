"""JSON Web Signatures (RFC 7515) of signed login tokens and of subscription tokens. Only the signature is checked here: what the claims
say, and their times, are checked with the clock as an argument.
"""

from collections.abc import Callable, Iterable
from typing import Any

import jwt
import msgspec

from parlour.kernel.rejection import Rejection

HMAC, EDDSA = "HS256", "EdDSA"
_jws = jwt.PyJWS([HMAC, EDDSA])


class Header(msgspec.Struct):
    """What a token says of its signature. It is not authenticated."""

    alg: str
    typ: Any = None
    kid: str | None = None


def sign(claims: msgspec.Struct, key: bytes, header: dict[str, str]) -> str:
    """The token of these claims by HMAC; the same claims give the same token."""
    return _jws.encode(msgspec.json.encode(claims), key, HMAC, header)


def read_header(token: str, longest: int, malformed: Callable[[], Rejection]) -> Header:
    """The header of a token of at most `longest` characters; raises `malformed()` for another text."""
    if len(token) > longest:
        raise malformed()
    try:
        return msgspec.convert(_jws.get_unverified_header(token), Header)
    except (jwt.InvalidTokenError, msgspec.ValidationError, RecursionError):
        raise malformed() from None


def open_signed(token: str, keys: Iterable[Any], algorithm: str, malformed: Callable[[], Rejection]) -> bytes | None:
    """The claims' bytes if one of the keys signed the token, None if none did; raises `malformed()` where it is no JWS."""
    for key in keys:
        try:
            return bytes(_jws.decode(token, key, [algorithm]))
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError:
            raise malformed() from None
    return None


def read_unverified(token: str, malformed: Callable[[], Rejection]) -> bytes:
    """The claims' bytes, whoever signed them; raises `malformed()` where the token is no JWS."""
    try:
        return bytes(_jws.decode(token, options={"verify_signature": False}))
    except jwt.InvalidTokenError:
        raise malformed() from None
