"""Session secrets: only what was sealed opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.gateway.domain.session_secret import Claims, Rights, seal, unseal

KEY = bytes(32)
CLAIMS = Claims(7, "ann", {"r": Rights(2_000_000_000, True, ("s1",), 2_000_000_060)})


def test_what_was_sealed_opens() -> None:
    assert unseal(KEY, seal(KEY, "sid", CLAIMS)) == ("sid", CLAIMS)


def test_another_cluster_s_secret_does_not() -> None:
    assert unseal(b"x" * 32, seal(KEY, "sid", CLAIMS)) is None


@pytest.mark.parametrize("text", ["", ".", "..", "sid", "sid..", "sid.e30.", "x" * 20_000])
def test_junk_does_not(text: str) -> None:
    assert unseal(KEY, text) is None


@given(st.data())
def test_no_changed_character_is_accepted(data: st.DataObject) -> None:
    secret = seal(KEY, "sid", CLAIMS)
    at = data.draw(st.integers(0, len(secret) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != secret[at]))
    assert unseal(KEY, secret[:at] + other + secret[at + 1 :]) is None


def test_rights() -> None:
    assert CLAIMS.rooms["r"].allows("s1")
    assert not CLAIMS.rooms["r"].allows("s2")
    assert Rights(0).allows("any")
    assert not Rights(0, may_publish=False).allows("any")
