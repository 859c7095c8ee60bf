"""A WHIP or WHEP resource, which its signed address holds as a whole, so that any gateway can serve it; and the SDP fragments (RFC 8840)
that its `PATCH` carries.

The address alone allows nothing: a request must come with a token of the resource's user, whose name is not in the address.
"""

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.relay import IceRenewed
from parlour.kernel.rejection import Rejection

from . import session_secret

KIND = "resource"
UFRAG, PWD = "a=ice-ufrag:", "a=ice-pwd:"
OF_SESSION = ("a=group:", "a=ice-lite")
OF_SECTION = ("m=", "a=mid:")
UFRAG_CHARS, PWD_CHARS = (4, 256), (22, 256)
"""Least and most characters (RFC 8839 §5.4)."""


class MediaResource(msgspec.Struct, frozen=True, array_like=True):
    """One stream of one session on a transport of its own. `head`: the answer's lines that a fragment repeats (see `fragment_head`)."""

    resource_id: str
    session_id: str
    app: int
    room: str
    actor: str
    stream_id: str
    publishes: bool
    transport_id: str
    head: tuple[str, ...]


def encode_address(key: bytes, resource: MediaResource) -> str:
    """Writes the resource as one segment of a URL's path."""
    return session_secret.sign(key, KIND, resource)


def decode_address(key: bytes, text: str) -> MediaResource | None:
    """Returns the resource of an address; None where no gateway of this key wrote it."""
    found = session_secret.verify(key, text, MediaResource)
    return found[1] if found is not None and found[0] == KIND else None


def parse_credentials(fragment: str) -> tuple[str, str]:
    """Returns the peer's ICE user name fragment and password; both empty where the fragment has none. `Rejection` for invalid ones."""
    ufrag, pwd = (_first(fragment, name) for name in (UFRAG, PWD))
    if bool(ufrag) != bool(pwd):
        raise Rejection(Code.PARAMETER, "ice-ufrag and ice-pwd come together", field="sdp")
    for name, text, (least, most) in (("ice-ufrag", ufrag, UFRAG_CHARS), ("ice-pwd", pwd, PWD_CHARS)):
        if text and not least <= len(text) <= most:
            raise Rejection(Code.PARAMETER, f"{name} has {len(text)} characters", field="sdp", limit=f"{least}..{most}")
    return ufrag, pwd


def ufrag_of(answer: str) -> str:
    """Returns the relay's ufrag, which identifies an ICE session: each restart has a new one."""
    return _first(answer, UFRAG)


def fragment_head(answer: str) -> tuple[str, ...]:
    """Returns the lines that an answer's fragments begin with: its bundle, and its first section, which stands for the bundle."""
    session, _, rest = answer.replace("\r\n", "\n").partition("\nm=")
    section = ("m=" + rest.partition("\nm=")[0]).split("\n")
    lines = [line for line in session.split("\n") if line.startswith(OF_SESSION)]
    return (*lines, *(line for line in section if line.startswith(OF_SECTION)))


def write_fragment(head: tuple[str, ...], ice: IceRenewed) -> str:
    """Writes the fragment with the relay's side of a restarted ICE session."""
    lines = (*head, UFRAG + ice.ufrag, PWD + ice.pwd, *ice.candidates)
    return "\r\n".join(lines) + "\r\n"


def _first(text: str, name: str) -> str:
    return next((line[len(name) :].strip() for line in text.splitlines() if line.startswith(name)), "")
