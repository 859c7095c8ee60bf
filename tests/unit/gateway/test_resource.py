"""Addresses of WHIP and WHEP resources, and the fragments that renew them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts.codes import Code
from parlour.contracts.relay import IceRenewed
from parlour.gateway.app.media_resources import session_id_of
from parlour.gateway.domain.media_resource import (
    MediaResource,
    decode_address,
    encode_address,
    fragment_head,
    parse_credentials,
    ufrag_of,
    write_fragment,
)
from parlour.gateway.domain.session_secret import Claims, Rights, sign, verify
from parlour.kernel.rejection import Rejection

KEY = b"k" * 32
HEAD = ("a=ice-lite", "a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0")
RESOURCE = MediaResource("r1", session_id_of(1, "ann", "a.room>"), 1, "a.room>", "actor", "cam", True, "t-1", HEAD)
ANSWER = "\r\n".join((
    "v=0", "s=-", *HEAD[:2], "a=extmap-allow-mixed", HEAD[2], "a=ice-ufrag:abcdefgh", "a=ice-pwd:" + "p" * 24,
    "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host", HEAD[3], "a=sendonly", "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1",
)) + "\r\n"  # fmt: skip


def test_an_address_holds_its_resource_and_names_nobody() -> None:
    text = encode_address(KEY, RESOURCE)
    assert decode_address(KEY, text) == RESOURCE
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert "ann" not in str(RESOURCE)
    longest = MediaResource("r" * 32, "s" * 36, 2**32 - 1, "r" * 128, "a" * 36, "s" * 256, True, "t" * 22, HEAD)
    assert len(encode_address(KEY, longest)) < 1200


@given(st.integers(0, 400), st.characters())
def test_whoever_changes_an_address_has_none(at: int, letter: str) -> None:
    text = encode_address(KEY, RESOURCE)
    changed = text[: at % len(text)] + letter + text[at % len(text) + 1 :]
    assert changed == text or decode_address(KEY, changed) is None


def test_the_key_decides_and_a_sessions_secret_is_no_address() -> None:
    assert decode_address(b"x" * 32, encode_address(KEY, RESOURCE)) is None
    assert decode_address(KEY, sign(KEY, "resource", Claims(1, "ann", {"r": Rights(5)}))) is None
    assert verify(KEY, encode_address(KEY, RESOURCE), Claims) is None
    assert decode_address(KEY, "") is None


def test_the_session_is_the_users() -> None:
    assert session_id_of(1, "ann", "r") == session_id_of(1, "ann", "r")
    assert (
        len({session_id_of(*each) for each in ((1, "ann", "r"), (2, "ann", "r"), (1, "bob", "r"), (1, "ann", "s"))})
        == 4
    )


def test_a_fragment_is_the_answers_first_section_with_new_credentials() -> None:
    assert fragment_head(ANSWER) == HEAD
    assert ufrag_of(ANSWER) == "abcdefgh"
    candidates = ("a=candidate:1 1 udp 1 192.0.2.1 5000 typ host",)
    made = write_fragment(HEAD, IceRenewed("renewed", "newufrag", "q" * 24, candidates))
    assert made.split("\r\n") == [*HEAD, "a=ice-ufrag:newufrag", "a=ice-pwd:" + "q" * 24, *candidates, ""]


def test_credentials_come_together_or_not_at_all() -> None:
    assert parse_credentials("a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n") == ("", "")
    assert parse_credentials(f"a=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 22}\r\n") == ("abcd", "p" * 22)


@pytest.mark.parametrize(
    "wrong", ["a=ice-ufrag:abcd", "a=ice-ufrag:abc\r\na=ice-pwd:" + "p" * 22, "a=ice-ufrag:abcd\r\na=ice-pwd:short"]
)
def test_credentials_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(Rejection) as refused:
        parse_credentials(wrong)
    assert refused.value.problem.code == Code.PARAMETER
