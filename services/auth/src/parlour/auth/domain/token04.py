"""Reads and writes token04, the vendor's token.

    token = "04" + base64(body)
    body  = int64 expire | uint16 16 | iv | uint16 length | ciphertext          (big endian)
    ciphertext = AES-256-CBC-PKCS7 of JSON {app_id, user_id, nonce, ctime, expire, payload}, under the secret's 32 characters

Rules:
1. What is not a token04 by its outer form is `TOKEN_FORMAT`; nothing is trimmed or repaired (strict alphabet, canonical padding).
2. The format has no MAC. Any failure to decrypt or to parse is one and the same refusal, so that nobody learns which it was.
3. The header's expiry is not authenticated: it counts only when it equals the inner one, which `verify` checks.
4. Fields are strictly typed, each is there exactly once, and there are no others: without a MAC an altered block would otherwise smuggle
   in a second `user_id`. Their order and escaping differ between the vendor's generators; `Token.ordered` says whether the order is the
   one that leaves an altered first block nothing to gain.
"""

import base64
import binascii
import json
import struct
from collections.abc import Iterable

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

PREFIX = "04"
MAX_CHARS = 4096
SECRET_CHARS = 32
IV_BYTES = 16
_BLOCK = 16
_HEADER = struct.Struct(">qH")
_LENGTH = struct.Struct(">H")
_OVERHEAD = _HEADER.size + IV_BYTES + _LENGTH.size
_INT64 = range(-(2**63), 2**63)
_FIELDS = ("app_id", "user_id", "nonce", "ctime", "expire", "payload")


class Fine:
    """The vendor's native codes, finer than the web ones; they go into `Problem.fine`."""

    REFUSED = 1002033
    NONE = 1002067
    PAYLOAD = 1002075
    APP = 1002076
    USER = 1002077
    EXPIRED = 1002078
    VERSION = 1002079
    NONCE = 1002080


class Sealed(msgspec.Struct, frozen=True):
    """The parts of a token that is not decrypted yet; `expire` is the header's, which is not authenticated."""

    expire: int
    iv: bytes
    ciphertext: bytes


class Token(msgspec.Struct, frozen=True):
    """The content of a token. Times are unix seconds; `payload` is text or empty.

    `ordered`: it begins with `app_id` and `user_id` and ends with `payload`, so that whoever alters the initialisation vector reaches
    nothing but the app's id.
    """

    app_id: int
    user_id: str
    nonce: int
    ctime: int
    expire: int
    payload: str = ""
    ordered: bool = True


def flaw(code: Code, message: str, fine: int, hint: str = "") -> Rejection:
    """A refusal of a token, with the vendor's native code beside ours."""
    return Rejection(code, message, field="token", hint=hint, fine=fine)


def take_apart(token: str) -> Sealed:
    """Takes a token's outer form apart; `TOKEN_FORMAT` for anything else."""
    if not token:
        raise flaw(Code.TOKEN_FORMAT, "there is no token", Fine.NONE, "pass the token that your server made")
    if len(token) > MAX_CHARS:
        raise _malformed(f"the token is longer than {MAX_CHARS} characters")
    if not token.startswith(PREFIX):
        raise flaw(Code.TOKEN_FORMAT, "the token's version is not 04", Fine.VERSION, "tokens begin with 04")
    body = _strict_base64(token[len(PREFIX) :])
    if len(body) < _OVERHEAD + _BLOCK:
        raise _malformed("the token is too short")
    expire, iv_length = _HEADER.unpack_from(body)
    if iv_length != IV_BYTES:
        raise _malformed("the token's initialisation vector has not 16 bytes")
    iv = body[_HEADER.size : _HEADER.size + IV_BYTES]
    (length,) = _LENGTH.unpack_from(body, _HEADER.size + IV_BYTES)
    if length != len(body) - _OVERHEAD or length % _BLOCK:
        raise _malformed("the token's length does not fit its content")
    return Sealed(expire, iv, body[_OVERHEAD:])


def open_sealed(sealed: Sealed, secrets: Iterable[str]) -> Token:
    """Decrypts a token with the first secret that fits; `TOKEN_REFUSED` when none does."""
    for secret in secrets:
        fields = _fields(_decrypt(sealed, secret))
        if fields is not None:
            return _token(fields)
    hint = "check appID and ServerSecret"
    raise flaw(Code.TOKEN_REFUSED, "the token was not made with this app's secret", Fine.REFUSED, hint)


def encode(token: Token, secret: str, iv: bytes) -> str:
    """Encrypts a token; `iv` must be new for each."""
    if len(secret.encode()) != SECRET_CHARS or len(iv) != IV_BYTES:
        raise ValueError("a secret has 32 bytes, an initialisation vector 16")
    plain = msgspec.json.encode({name: getattr(token, name) for name in _FIELDS})
    pad = _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(algorithms.AES(secret.encode()), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    body = _HEADER.pack(token.expire, IV_BYTES) + iv + _LENGTH.pack(len(ciphertext)) + ciphertext
    return PREFIX + base64.b64encode(body).decode()


def _malformed(message: str) -> Rejection:
    return flaw(Code.TOKEN_FORMAT, message, Fine.REFUSED, "pass the token exactly as it was made")


def _strict_base64(text: str) -> bytes:
    try:
        body = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise _malformed("the token is not base64") from None
    if base64.b64encode(body).decode() != text:
        raise _malformed("the token is not base64 in its one canonical form")
    return body


def _decrypt(sealed: Sealed, secret: str) -> bytes | None:
    decryptor = Cipher(algorithms.AES(secret.encode()), modes.CBC(sealed.iv)).decryptor()
    padded = decryptor.update(sealed.ciphertext) + decryptor.finalize()
    pad = padded[-1]
    well_padded = 1 <= pad <= _BLOCK and padded.endswith(bytes([pad]) * pad)
    return padded[:-pad] if well_padded else None


def _fields(plain: bytes | None) -> dict[str, object] | None:
    if plain is None:
        return None
    try:
        fields = msgspec.json.decode(plain, type=dict[str, object])
        repeated = json.loads(plain, object_pairs_hook=len) != len(fields)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if repeated or fields.keys() - set(_FIELDS) else fields


def _token(fields: dict[str, object]) -> Token:
    payload = fields.get("payload")
    if payload is not None and not isinstance(payload, str):
        raise flaw(Code.TOKEN_REFUSED, "the token's payload is not a JSON string", Fine.PAYLOAD)
    user_id = fields.get("user_id")
    if not isinstance(user_id, str):
        raise flaw(Code.TOKEN_REFUSED, "the token's user_id is not a string", Fine.USER)
    app, nonce = _whole(fields, "app_id", Fine.APP), _whole(fields, "nonce", Fine.NONCE)
    ctime, expire = (_whole(fields, name, Fine.REFUSED) for name in ("ctime", "expire"))
    names = tuple(fields)
    ordered = names[:2] == _FIELDS[:2] and "payload" not in names[:-1]
    return Token(app, user_id, nonce, ctime, expire, payload or "", ordered)


def _whole(fields: dict[str, object], name: str, fine: int) -> int:
    value = fields.get(name)
    if type(value) is not int or value not in _INT64:
        raise flaw(Code.TOKEN_REFUSED, f"the token's {name} is not a whole number", fine)
    return value
