"""What WHIP needs of SDP: mids of an offer, and the fragments of RFC 8840 that `PATCH` carries."""

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

UFRAG, PWD = "a=ice-ufrag:", "a=ice-pwd:"
OF_ICE = (UFRAG, PWD, "a=candidate:", "a=end-of-candidates", "a=ice-lite")


def media_in(sdp: str) -> cmd.Media:
    """The mids of an offer's first audio and first video section; the relay reads the rest."""
    found: dict[str, str] = {}
    kind = ""
    for line in sdp.splitlines():
        if line.startswith("m="):
            kind = line[2:].split(" ", 1)[0]
        elif line.startswith("a=mid:") and kind in ("audio", "video"):
            found.setdefault(kind, line[6:].strip())
    return cmd.Media(found.get("audio", ""), found.get("video", ""))


def with_credentials(offer: str, fragment: str) -> str:
    """The offer with the fragment's ICE credentials; as it was where the fragment has the same or none."""
    ufrag, pwd = (_first(fragment, name) for name in (UFRAG, PWD))
    if (ufrag, pwd) in (("", ""), (_first(offer, UFRAG), _first(offer, PWD))):
        return offer
    if not ufrag or not pwd:
        raise Rejection.of(Code.PARAMETER, "ice-ufrag and ice-pwd come together", field="sdp")
    return "".join(f"{_renewed(line, ufrag, pwd)}\r\n" for line in offer.splitlines())


def _renewed(line: str, ufrag: str, pwd: str) -> str:
    if line.startswith(UFRAG):
        return UFRAG + ufrag
    return PWD + pwd if line.startswith(PWD) else line


def fragment_of(answer: str) -> str:
    """An answer's ICE part: credentials and candidates of its first section, which stand for the bundle."""
    session, _, rest = answer.replace("\r\n", "\n").partition("\nm=")
    section = ("m=" + rest.partition("\nm=")[0]).split("\n")
    lines = [line for line in session.split("\n") if line.startswith(("a=group:", *OF_ICE))]
    lines += [line for line in section if line.startswith(("m=", "a=mid:", *OF_ICE))]
    return "\r\n".join(lines) + "\r\n"


def _first(text: str, name: str) -> str:
    return next((line[len(name) :].strip() for line in text.splitlines() if line.startswith(name)), "")
