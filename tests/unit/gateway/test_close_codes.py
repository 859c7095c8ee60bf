"""Close frames: which codes may be answered with, by RFC 6455 §7.4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.gateway.domain.websocket_protocol import NEVER_SENT, answer_to_close


def body(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(b"", 1000), (b"\x03", 1002), (body(1000), 1000), (body(1001, b"bye"), 1001), (body(4000), 4000), (body(3000), 3000),
     (body(1000, b"\xff"), 1007), *((body(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535))],
)  # fmt: skip
def test_each_close_has_its_answer(sent: bytes, answered: int) -> None:
    assert answer_to_close(sent) == answered


@given(st.binary(max_size=125))
def test_no_answer_is_a_code_that_may_not_be_sent(payload: bytes) -> None:
    code = answer_to_close(payload)
    assert 1000 <= code < 5000
    assert code not in NEVER_SENT
