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
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
"""Bytes of a secret."""


class SecretRef(msgspec.Struct, frozen=True):
    """A secret that signs until `until_s` (unix seconds), or for ever."""

    text: str
    until_s: int | None = None


def make_secret(octets: bytes) -> str:
    """Returns the text of a secret of random octets."""
    return PREFIX + base64.b64encode(octets).decode()


def key_of(secret: str) -> bytes:
    """Returns the bytes that sign; `Invalid` for a text that is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        limit = f"{PREFIX} and base64 of {SHORTEST_SECRET}..{LONGEST_SECRET} bytes"
        raise invalid(Code.PARAMETER, "secret", "the secret is not a Standard Webhooks secret", limit=limit)
    return key


def valid_secrets(secrets: Sequence[SecretRef], now_s: int) -> tuple[str, ...]:
    """Returns the secrets that sign at `now_s`, newest first."""
    return tuple(secret.text for secret in secrets if secret.until_s is None or now_s < secret.until_s)


def signature_headers(id_: str, at_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Returns the three headers of a request; while a secret is rotated there are two signatures."""
    signed = f"{id_}.{at_s}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)) for secret in secrets)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }
