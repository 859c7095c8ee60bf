"""The numeric codes that clients see, as the seeds' vendor publishes them, and the one error shape.

Source: the vendor's web error-code list. A code of ours without a counterpart there starts at 9,000,000.
"""

from enum import IntEnum

import msgspec


class Code(IntEnum):
    """Stable numbers: they are compared by existing pages and never change their meaning."""

    OK = 0
    APP_ID = 1001004
    NOT_LOGGED_IN = 1000002
    STREAM_ID_LONG = 1000014
    STREAM_ID_EMPTY = 1000015
    STREAM_ID_CHARACTERS = 1000016
    NETWORK_DOWN = 1000017
    STREAM_OBJECT = 1000018
    PARAMETER = 1100001
    REQUEST_TIMEOUT = 1100002
    SOCKET_CLOSED = 1100003
    SERVER_ERROR = 1100999
    TOO_MANY_ROOMS = 1002001
    ROOM_NOT_LOGGED_IN = 1002002
    USER_ID_EMPTY = 1002005
    USER_ID_CHARACTERS = 1002006
    USER_ID_LONG = 1002007
    USER_NAME_LONG = 1002010
    ROOM_ID_EMPTY = 1002011
    ROOM_ID_CHARACTERS = 1002012
    ROOM_ID_LONG = 1002013
    ROOM_GONE = 1002014
    ROOM_EXTRA_KEY_LONG = 1002015
    ROOM_EXTRA_VALUE_LONG = 1002016
    ROOM_EXTRA_KEYS = 1002017
    MULTI_ROOM_USER = 1002018
    LOGIN_TIMEOUT = 1002031
    ROOM_FULL = 1002034
    MULTI_ROOM_LIMIT = 1002037
    KICKED_LOGIN_ELSEWHERE = 1002050
    RECONNECT_WINDOW_OVER = 1002053
    KICKED_BY_SERVER = 1002055
    KICKED_FOUND_ON_RETRY = 1002086
    PUBLISH_FORBIDDEN = 1003025
    STREAM_EXISTS = 1003028
    STREAM_EXTRA_EMPTY = 1003050
    STREAM_EXTRA_LONG = 1003051
    PLAY_NO_STREAM = 1004002
    PLAY_INTERRUPTED = 1004020
    MESSAGE_EMPTY = 1009001
    MESSAGE_LONG = 1009002
    MESSAGE_ROOM = 1009005
    MESSAGE_RATE = 1009015
    HEARTBEAT_TIMEOUT = 1102001
    LOGIN_IN_PROGRESS = 1102012
    TOKEN_FORMAT = 1102016
    TOKEN_EXPIRED = 1102018
    TOKEN_REFUSED = 1102020
    PUBLISH_AUTH = 1103019
    PUBLISH_REMOTE_SDP = 1103025
    NOT_PUBLISHING = 1103040
    ALREADY_PUBLISHING = 1103056
    PLAY_REMOTE_SDP = 1104025
    ALREADY_PLAYING = 1104032
    # ours
    FRAME_INVALID = 9000001
    FRAME_TOO_LARGE = 9000002
    FRAME_TYPE_UNKNOWN = 9000003
    RATE_LIMITED = 9000004
    COMMAND_ID_REUSED = 9000005
    RESYNC_NEEDED = 9000006
    SESSION_UNKNOWN = 9000007
    CODEC_UNSUPPORTED = 9000008
    RELAY_UNAVAILABLE = 9000009
    UNAVAILABLE = 9000010
    NOT_FOUND = 9000011
    FORBIDDEN = 9000012
    HISTORY_BEHIND = 9000013
    ARCHIVED = 9000014
    BANNED = 9000017


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
