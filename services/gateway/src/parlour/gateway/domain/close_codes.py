"""Close codes of WebSockets (RFC 6455 §5.5.1, §7.4); some describe a local event and are never on the wire."""

NORMAL, PROTOCOL_ERROR, NOT_UTF_8 = 1000, 1002, 1007
NEVER_SENT = frozenset({1004, 1005, 1006, 1015})
REGISTERED_BELOW = 1016
PRIVATE = range(3000, 5000)
"""Codes for libraries and applications."""


def answer_to_close(payload: bytes) -> int:
    """Returns the code that answers a client's close frame: the client's own if it may be sent, `NORMAL` for a frame without one, else the
    code of what was wrong with the frame.
    """
    if not payload:
        return NORMAL
    code = int.from_bytes(payload[:2], "big")
    may_be_sent = (NORMAL <= code < REGISTERED_BELOW and code not in NEVER_SENT) or code in PRIVATE
    if len(payload) < 2 or not may_be_sent:
        return PROTOCOL_ERROR
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return NOT_UTF_8
    return code
