"""Session secrets: only what was sealed opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.gateway.domain.session_secret import Claims, Rights, sign, verify

KEY = bytes(32)
CLAIMS = Claims(7, "ann", {"r": Rights(2_000_000_000, True, ("s1",), 2_000_000_060)})


def test_what_was_sealed_opens() -> None:
    assert verify(KEY, sign(KEY, "sid", CLAIMS), Claims) == ("sid", CLAIMS)


def test_another_cluster_s_secret_does_not() -> None:
    assert verify(b"x" * 32, sign(KEY, "sid", CLAIMS), Claims) is None


@pytest.mark.parametrize("text", ["", ".", "..", "sid", "sid..", "sid.e30.", "x" * 20_000])
def test_junk_does_not(text: str) -> None:
    assert verify(KEY, text, Claims) is None


@given(st.data())
def test_no_changed_character_is_accepted(data: st.DataObject) -> None:
    secret = sign(KEY, "sid", CLAIMS)
    at = data.draw(st.integers(0, len(secret) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != secret[at]))
    assert verify(KEY, secret[:at] + other + secret[at + 1 :], Claims) is None


def test_rights() -> None:
    assert CLAIMS.rooms["r"].allows("s1")
    assert not CLAIMS.rooms["r"].allows("s2")
    assert Rights(0).allows("any")
    assert not Rights(0, may_publish=False).allows("any")
