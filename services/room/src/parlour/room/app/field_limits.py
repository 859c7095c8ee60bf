"""Checks of the field that only this service's commands have."""

import re

from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid

_SESSION = re.compile(r"[0-9A-Za-z_.:-]{1,128}")


def check_session_id(session_id: str) -> str:
    """Checks a session id: a gateway made it, and it stands in claims and in keys of deadlines."""
    if not _SESSION.fullmatch(session_id):
        raise invalid(
            Code.PARAMETER, "sessionID", "the session id is malformed", limit="1..128 of letters, digits and _ . : -"
        )
    return session_id
