"""What a client's close frame is answered with (RFC 6455 §5.5.1, §7.4): some codes say what happened locally and are never on the wire."""

NORMAL, PROTOCOL_ERROR, NOT_UTF_8 = 1000, 1002, 1007
NEVER_SENT = frozenset({1004, 1005, 1006, 1015})
REGISTERED_BELOW = 1016
PRIVATE = range(3000, 5000)
"""Codes of libraries and of applications."""


def answer_to_close(payload: bytes) -> int:
    """The code of the answer: the client's own where it may stand in a frame, `NORMAL` for a close without one, else what was wrong."""
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
