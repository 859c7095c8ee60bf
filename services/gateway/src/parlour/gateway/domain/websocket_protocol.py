"""Frames and close codes of WebSockets (RFC 6455)."""

NORMAL, PROTOCOL_ERROR, ABNORMAL, NOT_UTF_8, TOO_LARGE, RESTARTS = 1000, 1002, 1006, 1007, 1009, 1012
PROTOCOL_BROKEN, TOO_SLOW, RESUMED_ELSEWHERE = 4400, 4408, 4409
"""Our own codes. 4409: a later connection speaks for the session now."""
NEVER_SENT = frozenset({1004, 1005, ABNORMAL, 1015})
"""Codes that describe a local event and are never on the wire (§7.4.1)."""
REGISTERED_BELOW = 1016
PRIVATE = range(3000, 5000)
"""Codes for libraries and applications."""
FINAL_TEXT = 0x81
SHORT_PAYLOAD = 126
"""Payloads below this have their length in the header's second octet."""


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


def message_header(size: int) -> bytes:
    """Returns the header of one whole text message of `size` bytes from the server, which is not masked (§5.2)."""
    if size < SHORT_PAYLOAD:
        return bytes((FINAL_TEXT, size))
    if size < 1 << 16:
        return bytes((FINAL_TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((FINAL_TEXT, 127)) + size.to_bytes(8, "big")
