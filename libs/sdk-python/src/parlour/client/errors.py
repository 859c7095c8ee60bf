"""The errors of this client. Codes are those of docs/reference/codes.md."""

from collections.abc import Mapping
from typing import Any, Self

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
"""Close code of a WebSocket whose session was resumed on another connection."""

RETRYABLE = frozenset({MESSAGE_RATE, REQUEST_TIMEOUT, SERVER_ERROR, LOGIN_IN_PROGRESS, RATE_LIMITED, UNAVAILABLE})
"""Codes of temporary refusals: the same request may be sent again under the same id."""
EXPIRED = frozenset({SESSION_UNKNOWN, HEARTBEAT_TIMEOUT})
"""Codes of an ended session after which a client may log in again."""


class ParlourError(Exception):
    """The base class of the errors of this client."""


class RequestRefused(ParlourError):
    """The server refused a request: `code`, a text, and where it named them the field and a hint."""

    def __init__(self, code: int, message: str, *, field: str = "", hint: str = "") -> None:
        about = f" ({field})" if field else ""
        super().__init__(f"{code}: {message}{about}" + (f"; {hint}" if hint else ""))
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint

    @classmethod
    def read(cls, problem: Mapping[str, Any]) -> Self:
        """Reads the `error` of a refusal."""
        code, message = int(problem.get("code", 0)), str(problem.get("message", "refused"))
        return cls(code, message, field=str(problem.get("field", "")), hint=str(problem.get("hint", "")))

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in RETRYABLE


class RemovedFromRoom(ParlourError):
    """The session in a room ended: the user was kicked or logged in elsewhere, or the room was closed."""

    def __init__(self, room_id: str, code: int, reason: str) -> None:
        super().__init__(f"removed from room {room_id!r}: {reason or 'ended'} ({code})")
        self.room_id = room_id
        self.code = code
        self.reason = reason


class ClientClosed(ParlourError):
    """The client was closed while something waited for it."""


class ProtocolViolation(ParlourError):
    """The server sent an event that does not follow the state that it applies to, or a malformed frame."""
