"""Standard Webhooks signatures: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each valid secret.

A secret is `whsec_` and the base64 of 24 to 64 bytes, as the specification has it, so that receivers use its libraries as they are.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid

PREFIX = "whsec_"
SECRET_BYTES = 32
LEAST, MOST = 24, 64


class SecretRef(msgspec.Struct, frozen=True):
    """A secret and until when it signs (unix seconds); None: for ever."""

    text: str
    until_s: int | None = None


def make_secret(octets: bytes) -> str:
    """The text of a secret of random octets."""
    return PREFIX + base64.b64encode(octets).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign; `Invalid` for a text that is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not secret.startswith(PREFIX) or not LEAST <= len(key) <= MOST:
        limit = f"{PREFIX} and base64 of {LEAST}..{MOST} bytes"
        raise invalid(Code.PARAMETER, "secret", "the secret is not a Standard Webhooks secret", limit=limit)
    return key


def valid(secrets: Sequence[SecretRef], now_s: int) -> tuple[str, ...]:
    """The secrets that sign now, newest first."""
    return tuple(secret.text for secret in secrets if secret.until_s is None or now_s < secret.until_s)


def headers(id_: str, at_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers; signatures stand side by side while a secret is rotated."""
    signed = f"{id_}.{at_s}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)) for secret in secrets)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }
