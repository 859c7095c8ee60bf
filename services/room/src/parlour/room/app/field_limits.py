"""Checks of the fields that only this service's commands have."""

import re

from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid

REASON_BYTES = 256
BY_BYTES = 128
_SESSION = re.compile(r"[0-9A-Za-z_.:-]{1,128}")


def check_session_id(session_id: str) -> str:
    """Checks a session id: a gateway made it, and it stands in claims and in keys of deadlines."""
    if not _SESSION.fullmatch(session_id):
        raise invalid(
            Code.PARAMETER, "sessionID", "the session id is malformed", limit="1..128 of letters, digits and _ . : -"
        )
    return session_id


def check_reason(reason: str) -> str:
    """Checks a reason: at most 256 bytes, as the vendor's server API has it."""
    if len(reason.encode("utf-8", "surrogatepass")) > REASON_BYTES:
        raise invalid(Code.PARAMETER, "reason", "the reason is too long", limit=f"{REASON_BYTES} bytes")
    return reason


def check_by(by: str) -> str:
    """Checks the name of a moderator: at most 128 bytes."""
    if len(by.encode("utf-8", "surrogatepass")) > BY_BYTES:
        raise invalid(Code.PARAMETER, "by", "the name of who does it is too long", limit=f"{BY_BYTES} bytes")
    return by
