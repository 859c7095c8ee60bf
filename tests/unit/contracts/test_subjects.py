"""The one id encoding and the partition function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import subjects


@given(st.text())
def test_any_id_is_one_token_and_comes_back(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    token = subjects.encode_id(text)
    assert subjects.decode_id(token) == text
    assert token
    assert not set(token) & set(".*> \t\r\n/%?#&+")


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_ids_never_share_a_token(one: str, other: str) -> None:
    if one != other and all(not 0xD800 <= ord(c) < 0xE000 for c in one + other):
        assert subjects.encode_id(one) != subjects.encode_id(other)


@pytest.mark.parametrize("token", ["=4", "=41", "=zz", "a b", "=2f"])
def test_a_token_that_is_never_written_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        subjects.decode_id(token)


@pytest.mark.parametrize(("octets", "value"), [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)])
def test_fnv1a_known_answers(octets: bytes, value: int) -> None:
    assert subjects.fnv1a_32(octets) == value


def test_subjects_read_as_the_architecture_says() -> None:
    p = subjects.partition(7, "a/b")
    assert subjects.command(7, "room", "a/b", "join") == f"parlour.v1.7.cmd.room.{p}.a=2Fb.join"
    assert subjects.events(7, "a/b", "im") == f"parlour.v1.7.evt.{p}.a=2Fb.im"
    assert subjects.query(7, "a/b", "head") == "parlour.v1.7.qry.a=2Fb.head"
    assert subjects.relay_fact("n.1", "node_up") == "parlour.v1.relay.n=2E1.fact.node_up"
