"""Limits of a command's fields and of how often it may come."""

import re
from typing import Protocol

from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.runtime.deciding.drafts import Call

REASON_BYTES = 256
BY_BYTES = 128
_SESSION = re.compile(r"[0-9A-Za-z_.:-]{1,128}")


class Rates(Protocol):
    """How often a room's extra information may change."""

    def admit(self, call: Call) -> None:
        """Counts one change, or raises the Rejection that names the limit. A repetition is not counted again."""
        ...


class OpeningRates(Protocol):
    """How many rooms a user and an app may open: each life of a room stays in the database for ever."""

    def admit(self, call: Call, actor: str) -> None:
        """Counts one opening, or raises the Rejection that names the limit. A repetition is not counted again."""
        ...


def check_session_id(session_id: str) -> str:
    """A name that a gateway made: it stands in claims and in keys of deadlines."""
    if not _SESSION.fullmatch(session_id):
        raise invalid(
            Code.PARAMETER, "sessionID", "the session id is malformed", limit="1..128 of letters, digits and _ . : -"
        )
    return session_id


def check_reason(reason: str) -> str:
    """At most 256 bytes, as the vendor's server API has it."""
    if len(reason.encode("utf-8", "surrogatepass")) > REASON_BYTES:
        raise invalid(Code.PARAMETER, "reason", "the reason is too long", limit=f"{REASON_BYTES} bytes")
    return reason


def check_by(by: str) -> str:
    """Who moderates: at most 128 bytes."""
    if len(by.encode("utf-8", "surrogatepass")) > BY_BYTES:
        raise invalid(Code.PARAMETER, "by", "the name of who does it is too long", limit=f"{BY_BYTES} bytes")
    return by
