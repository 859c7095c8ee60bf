"""A session's secret: its id, what its tokens allow it, and a MAC under the cluster's key.

`<session id>.<claims>.<mac>`: any gateway can check it without asking anybody. The session id alone, which events carry, opens nothing.
The claims are the client's own; they are signed, not hidden.
"""

import base64
import binascii
import hashlib
import hmac
from typing import TypeVar

import msgspec

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

C = TypeVar("C", bound=msgspec.Struct)
MAC_BYTES = 16
SECRET_CHARS = 16_384
"""A longer text is no secret of ours: one of five rooms with long stream lists stays below."""


class Rights(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"expires_s": "e", "may_publish": "p", "stream_ids": "s", "stay_ends_s": "x"},
):
    """What a room's token allows. `expires_s` unix seconds; no `stream_ids`: any stream; `stay_ends_s`: unix seconds when the session is
    put out, 0: never.
    """

    expires_s: int
    may_publish: bool = True
    stream_ids: tuple[str, ...] = ()
    stay_ends_s: int = 0

    def allows(self, stream_id: str) -> bool:
        """Tells whether the stream may be published."""
        return self.may_publish and (not self.stream_ids or stream_id in self.stream_ids)

    def check_may_publish(self, stream_id: str, now_s: float) -> None:
        """Raises `Rejection` where the token does not allow to publish the stream at `now_s` (unix seconds)."""
        if self.expires_s <= now_s:
            raise Rejection(
                Code.TOKEN_EXPIRED, "the token has expired", field="token", hint="renewToken with a fresh one"
            )
        if not self.allows(stream_id):
            raise Rejection(Code.PUBLISH_FORBIDDEN, "the token does not allow to publish this stream", field="streamID")


class Claims(msgspec.Struct, frozen=True, rename={"app": "a", "user_id": "u", "rooms": "r", "multi_room": "m"}):
    """Who the session is, and its rights by room."""

    app: int
    user_id: str
    rooms: dict[str, Rights]
    multi_room: bool = False


def sign(key: bytes, name: str, claims: msgspec.Struct) -> str:
    """Writes `<name>.<claims>.<mac>` in the letters of URLs; `name` has no dot."""
    body = f"{name}.{base64.urlsafe_b64encode(msgspec.json.encode(claims)).decode().rstrip('=')}"
    return f"{body}.{_mac(key, body)}"


def verify(key: bytes, text: str, kind: type[C]) -> tuple[str, C] | None:
    """Returns name and claims; None for a text that `sign` never wrote with this key."""
    body, _, mac = text.rpartition(".")
    if (
        len(text) > SECRET_CHARS
        or not text.isascii()
        or not hmac.compare_digest(mac.encode(), _mac(key, body).encode())
    ):
        return None
    name, _, packed = body.partition(".")
    try:
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        return name, msgspec.json.decode(raw, type=kind)
    except (binascii.Error, msgspec.DecodeError):
        return None


def _mac(key: bytes, body: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, body.encode(), hashlib.sha256)[:MAC_BYTES]).decode().rstrip("=")
