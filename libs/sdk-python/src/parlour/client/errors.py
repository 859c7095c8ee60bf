"""What can go wrong, and whose fault it is. Codes are those of docs/reference/codes.md."""

OK = 0
LOGIN_ELSEWHERE = 1002050
KICKED_BY_SERVER = 1002055
MESSAGE_RATE = 1009015
REQUEST_TIMEOUT = 1100002
SERVER_ERROR = 1100999
HEARTBEAT_TIMEOUT = 1102001
LOGIN_IN_PROGRESS = 1102012
RATE_LIMITED = 9000004
SESSION_UNKNOWN = 9000007
UNAVAILABLE = 9000010
CONNECTION_TAKEN_OVER = 4409
"""A close code: the session was resumed on another connection."""

PASSING = frozenset({MESSAGE_RATE, REQUEST_TIMEOUT, SERVER_ERROR, LOGIN_IN_PROGRESS, RATE_LIMITED, UNAVAILABLE})
"""Refusals after which the same request, under the same id, is worth another try."""
RAN_OUT = frozenset({SESSION_UNKNOWN, HEARTBEAT_TIMEOUT})
"""Ends of a stay after which a client may simply log in again."""


class ParlourError(Exception):
    """Base of all that this client raises."""


class Refused(ParlourError):
    """The server said no: `code`, a text, and where it named them the field and the way out."""

    def __init__(self, code: int, message: str, *, field: str = "", hint: str = "") -> None:
        about = f" ({field})" if field else ""
        super().__init__(f"{code}: {message}{about}" + (f"; {hint}" if hint else ""))
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint

    @property
    def passing(self) -> bool:
        """Whether trying again is worth it."""
        return self.code in PASSING


class StayOver(ParlourError):
    """The stay in a room ended for good: kicked, logged in elsewhere, or the room was closed."""

    def __init__(self, room_id: str, code: int, reason: str) -> None:
        super().__init__(f"the stay in {room_id!r} is over: {reason or 'ended'} ({code})")
        self.room_id = room_id
        self.code = code
        self.reason = reason


class Closed(ParlourError):
    """The client was closed."""


class Broken(ParlourError):
    """An event does not follow the state that it should be applied to, or the server sent what is no frame."""
