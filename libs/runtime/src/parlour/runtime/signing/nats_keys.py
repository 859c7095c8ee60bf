"""Keys and tokens as NATS spells them: Ed25519 keys in base32 with a checksum ("nkeys"), and JWTs signed by them.

The key that vouches for readers outside is derived from the master key: whoever configures NATS and whoever signs agree without a further
secret. Source: the NATS documentation of auth callout, and its client libraries' encoding of keys.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ACCOUNT = 0
"""The first byte of an account's key; its text begins with `A`."""
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


class Issuer:
    """Signs the JWTs of the NATS account that external readers belong to."""

    def __init__(self, master_key: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(_derived(master_key, b"parlour.nats.issuer"))
        self.public = _spelled(_ACCOUNT, self._key.public_key().public_bytes_raw())

    def sign(self, claims: dict[str, Any]) -> str:
        """Returns a JWT with these claims, this issuer, and the claims' hash as `jti`."""
        body = claims | {"iss": self.public}
        digest = hashlib.sha256(msgspec.json.encode(body)).digest()
        body["jti"] = base64.b32encode(digest).decode().rstrip("=")
        signed = f"{_unpadded(msgspec.json.encode(_HEADER))}.{_unpadded(msgspec.json.encode(body))}"
        return f"{signed}.{_unpadded(self._key.sign(signed.encode()))}"


def system_password(master_key: bytes) -> str:
    """Returns the password of the NATS user that may close connections, on servers that the suite configures itself."""
    return _derived(master_key, b"parlour.nats.system").hex()


def claims_of(token: bytes) -> bytes:
    """Returns the claims of a JWT, unverified; ValueError for other bytes."""
    try:
        part = token.split(b".")[1]
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except (IndexError, binascii.Error) as error:
        raise ValueError("not a JWT") from error


def _derived(master_key: bytes, use: bytes) -> bytes:
    return hmac.digest(master_key, use, hashlib.sha256)


def _spelled(kind: int, key: bytes) -> str:
    body = bytes([kind]) + key
    return base64.b32encode(body + binascii.crc_hqx(body, 0).to_bytes(2, "little")).decode().rstrip("=")


def _unpadded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
