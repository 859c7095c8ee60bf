"""The numeric codes that clients see, as the seeds' vendor publishes them, what each means, and the one error shape.

Source: the vendor's web error-code list. A code of ours without a counterpart there starts at 9,000,000.
"""

from enum import IntEnum

import msgspec

_explanations: dict[int, str] = {}


def _explained(number: int, explanation: str) -> int:
    _explanations[number] = explanation
    return number


class Code(IntEnum):
    """Stable numbers: they are compared by existing pages and never change their meaning."""

    OK = _explained(0, "Nothing went wrong.")
    APP_ID = _explained(1001004, "There is no app with this id on the server, or none was named and there are several.")
    NOT_LOGGED_IN = _explained(1000002, "This needs a room that one is logged in to: await loginRoom first.")
    STREAM_ID_LONG = _explained(1000014, "A stream id has more than 256 bytes.")
    STREAM_ID_EMPTY = _explained(1000015, "A stream id is empty.")
    STREAM_ID_CHARACTERS = _explained(1000016, "A stream id has a character that is not allowed in ids.")
    NETWORK_DOWN = _explained(1000017, "The browser has no way to the server at the moment.")
    STREAM_OBJECT = _explained(1000018, "The stream is not one that createZegoStream gave, or it was destroyed.")
    PARAMETER = _explained(1100001, "A parameter is missing, of another type, or outside its bounds; `field` names it.")
    REQUEST_TIMEOUT = _explained(1100002, "The server did not answer in time. Trying again is safe.")
    SOCKET_CLOSED = _explained(1100003, "The connection ended while an answer was awaited.")
    SERVER_ERROR = _explained(1100999, "The server failed in a way that is its own fault; its log says more.")
    TOO_MANY_ROOMS = _explained(1002001, "The session is in as many rooms as it may be at once.")
    ROOM_NOT_LOGGED_IN = _explained(1002002, "One is not logged in to the room that was named.")
    USER_ID_EMPTY = _explained(1002005, "A user id is empty.")
    USER_ID_CHARACTERS = _explained(1002006, "A user id has a character that is not allowed in ids.")
    USER_ID_LONG = _explained(1002007, "A user id is longer than ids may be.")
    USER_NAME_LONG = _explained(1002010, "A user name is longer than names may be.")
    ROOM_ID_EMPTY = _explained(1002011, "A room id is empty.")
    ROOM_ID_CHARACTERS = _explained(1002012, "A room id has a character that is not allowed in ids.")
    ROOM_ID_LONG = _explained(1002013, "A room id is longer than ids may be.")
    ROOM_GONE = _explained(1002014, "The room is closed, or there never was one of this name.")
    ROOM_EXTRA_KEY_LONG = _explained(1002015, "A key of the room's extra information is longer than keys may be.")
    ROOM_EXTRA_VALUE_LONG = _explained(1002016, "A value of the room's extra information is longer than values may be.")
    ROOM_EXTRA_KEYS = _explained(1002017, "The room has as many keys of extra information as it may have.")
    MULTI_ROOM_USER = _explained(
        1002018, "One page is in several rooms under one user id: the second login named another user."
    )
    LOGIN_TIMEOUT = _explained(1002031, "The login was not answered in time.")
    ROOM_FULL = _explained(1002034, "The room has as many people as its limit allows.")
    MULTI_ROOM_LIMIT = _explained(1002037, "The page is in as many rooms as it may be at once.")
    KICKED_LOGIN_ELSEWHERE = _explained(
        1002050,
        ("The same user logged in to the room from another place, which ends the earlier stay."),
    )
    RECONNECT_WINDOW_OVER = _explained(
        1002053, "The connection was away for longer than the server waits; log in again."
    )
    KICKED_BY_SERVER = _explained(
        1002055,
        (
            "An operator or the application's server put the user out, or closed the "
            "room; or the token is over, where the app ends stays with their tokens."
        ),
    )
    KICKED_FOUND_ON_RETRY = _explained(1002086, "While the connection was away the user was put out of the room.")
    PUBLISH_FORBIDDEN = _explained(1003025, "The token, or a rule of the app, does not allow this user to publish.")
    STREAM_EXISTS = _explained(1003028, "Somebody publishes under this stream id already.")
    STREAM_EXTRA_EMPTY = _explained(1003050, "A stream's extra information is empty.")
    STREAM_EXTRA_LONG = _explained(1003051, "A stream's extra information is longer than it may be.")
    PLAY_NO_STREAM = _explained(1004002, "Nobody publishes under this stream id now.")
    PLAY_INTERRUPTED = _explained(
        1004020, "Playing stopped because of the network or the relay; the page tries again by itself."
    )
    MESSAGE_EMPTY = _explained(1009001, "A message is empty.")
    MESSAGE_LONG = _explained(1009002, "A message is longer than messages may be.")
    MESSAGE_ROOM = _explained(1009005, "A message was sent to a room that the sender is not in.")
    MESSAGE_RATE = _explained(1009015, "Messages were sent faster than the room allows.")
    HEARTBEAT_TIMEOUT = _explained(1102001, "The server heard nothing of the session for too long and ended it.")
    LOGIN_IN_PROGRESS = _explained(1102012, "A login to this room is under way; await it.")
    TOKEN_FORMAT = _explained(
        1102016, "The token is not of a form that the server reads, or was made with another secret."
    )
    TOKEN_EXPIRED = _explained(1102018, "The token's time is over: ask the application's server for a new one.")
    TOKEN_REFUSED = _explained(1102020, "The token is for another user, room or app, or does not allow this.")
    PUBLISH_AUTH = _explained(1103019, "The token does not allow this user to publish.")
    PUBLISH_REMOTE_SDP = _explained(
        1103025, "The server's answer to an offer to publish could not be applied by the browser."
    )
    NOT_PUBLISHING = _explained(1103040, "Nothing is published under this stream id by this page.")
    ALREADY_PUBLISHING = _explained(1103056, "This page publishes under this stream id already.")
    PLAY_REMOTE_SDP = _explained(
        1104025, "The server's answer to an offer to play could not be applied by the browser."
    )
    ALREADY_PLAYING = _explained(1104032, "This page plays this stream already.")
    # ours
    FRAME_INVALID = _explained(9000001, "A frame or a request's body is not JSON of the expected shape.")
    FRAME_TOO_LARGE = _explained(9000002, "A frame or a request's body has more bytes than it may have.")
    FRAME_TYPE_UNKNOWN = _explained(9000003, "A frame has a type that the server does not know.")
    RATE_LIMITED = _explained(9000004, "More was asked than one client may ask at once; wait, then try again.")
    COMMAND_ID_REUSED = _explained(9000005, "A command id was used before for a command with other contents.")
    RESYNC_NEEDED = _explained(
        9000006, "The position is of another history, or too old to go on from: read the state anew."
    )
    SESSION_UNKNOWN = _explained(9000007, "The session is over or was never there: log in again.")
    CODEC_UNSUPPORTED = _explained(9000008, "An offer names no codec that the relay carries.")
    RELAY_UNAVAILABLE = _explained(9000009, "No relay can take the stream now.")
    UNAVAILABLE = _explained(9000010, "A service does not answer now. Trying again is safe.")
    NOT_FOUND = _explained(9000011, "There is nothing at this address, or nothing of this name.")
    FORBIDDEN = _explained(9000012, "The token does not allow this, or none was given.")
    HISTORY_BEHIND = _explained(
        9000013, "The history of calls has not caught up with the record yet; try again in a moment."
    )
    ARCHIVED = _explained(9000014, "The call is no longer in the database but in an archive file.")
    BANNED = _explained(9000017, "The user, the room or the address is banned, for as long as the answer says.")

    @property
    def explanation(self) -> str:
        """The sentence about the code on its page, `/errors/CODE`."""
        return _explanations[self]


def title_of(code: int) -> str:
    """Returns a code in words, the same in every problem that has the code."""
    try:
        return Code(code).name.lower().replace("_", " ")
    except ValueError:
        return "refused"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something was refused: a stable code, a sentence for people, the field, its limit and the way out.

    `fine` is the vendor's native code where that is finer than the web one (tokens).
    """

    code: int
    message: str
    field: str = ""
    limit: str = ""
    hint: str = ""
    fine: int = 0
