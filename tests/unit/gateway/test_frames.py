"""Client frames: each rule of the protocol's connection chapter, each with its code."""

import contextlib
import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import client
from parlour.contracts.codes import Code
from parlour.gateway.domain.frames import KEYS_MOST, TYPES, InvalidFrame, parse, to_text

ID = str(uuid4())


def broken(text: str) -> InvalidFrame:
    with pytest.raises(InvalidFrame) as caught:
        parse(text)
    return caught.value


def test_a_login_is_read() -> None:
    frame = parse(
        json.dumps(
            {
                "t": "login", "id": ID, "appID": 7, "roomID": "r", "token": "04x",
                "user": {"userID": "ann", "userName": "Ann"}, "config": {"userUpdate": True},
            }
        )
    )  # fmt: skip
    assert isinstance(frame, client.Login)
    assert frame.user == client.UserRef("ann", "Ann")
    assert frame.config.user_update
    assert "04x" not in repr(frame)


def test_every_type_of_the_protocol_is_known() -> None:
    assert len(TYPES) == len(client.AnyClientFrame.__args__)


def test_too_large() -> None:
    text = json.dumps({"t": "barrage", "id": ID, "roomID": "r", "message": "é" * 40_000}, ensure_ascii=False)
    assert broken(text).problem.code == Code.FRAME_TOO_LARGE


@pytest.mark.parametrize("depth", [17, 500, 20_000])
def test_too_deep(depth: int) -> None:
    text = f'{{"t":"ping","id":"{ID}","x":{"[" * depth}{"]" * depth}}}'
    assert broken(text).problem.code == Code.FRAME_INVALID
    assert "deep" in broken(text).problem.message


def test_nothing_behind_the_limit_on_depth_is_looked_at() -> None:
    looked_at: list[str] = []

    class Text(str):
        __slots__ = ()

        def __iter__(self) -> Iterator[str]:
            for character in super().__iter__():
                looked_at.append(character)
                yield character

    assert "deep" in broken(Text("{" * 60_000)).problem.message
    assert len(looked_at) == client.FRAME_DEPTH + 1


def test_brackets_in_texts_are_not_depth() -> None:
    text = json.dumps({"t": "barrage", "id": ID, "roomID": "r", "message": '{[\\"' * 30})
    assert isinstance(parse(text), client.Barrage)


@pytest.mark.parametrize("inner", ['"t":"ping","t":"ping"', '"t":"ping","x":{"a":1,"a":2}'])
def test_no_key_twice(inner: str) -> None:
    error = broken(f'{{{inner},"id":"{ID}"}}')
    assert error.problem.code == Code.FRAME_INVALID
    assert error.problem.field in {"t", "a"}


def test_an_unknown_type_is_answered_by_its_id() -> None:
    error = broken(json.dumps({"t": "dance", "id": ID}))
    assert (error.problem.code, error.frame_id) == (Code.FRAME_TYPE_UNKNOWN, ID)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"t":NaN}', '{"t":{}}', '{"t":"ping"}', '{"t":"ping","id":"7"}']
)
def test_what_is_no_frame(text: str) -> None:
    assert broken(text).problem.code in {Code.FRAME_INVALID, Code.FRAME_TYPE_UNKNOWN}


def test_the_field_is_named() -> None:
    error = broken(json.dumps({"t": "barrage", "id": ID, "roomID": 5, "message": "x"}))
    assert (error.problem.field, error.frame_id) == ("roomID", ID)
    assert broken(json.dumps({"t": "logout", "id": ID})).problem.field == "roomID"


def test_a_frame_of_many_keys_is_refused_in_one_pass() -> None:
    pairs = ",".join(f'"{n:x}":1,"{n:x}":1' for n in range(3000))
    assert "stands twice" in broken(f'{{"t":"ping","id":"{ID}",{pairs}}}').problem.message
    different = ",".join(f'"{n:x}":1' for n in range(KEYS_MOST))
    error = broken(f'{{"t":"ping","id":"{ID}",{different}}}')
    assert error.problem.limit == f"{KEYS_MOST} keys"


@pytest.mark.parametrize("number", ["1" * 21, "-" + "1" * 20, "9" * 5000])
def test_a_number_that_nobody_can_hold_is_refused(number: str) -> None:
    error = broken(f'{{"t":"logout","id":"{ID}","roomID":"r","ifSeq":{number}}}')
    assert (error.problem.code, error.problem.limit) == (Code.FRAME_INVALID, "20 digits")


@pytest.mark.parametrize("number", [-1, 2**63, 2**64])
def test_a_condition_is_the_number_of_an_event(number: int) -> None:
    error = broken(json.dumps({"t": "logout", "id": ID, "roomID": "r", "ifSeq": number}))
    assert (error.problem.field, error.frame_id) == ("ifSeq", ID)


def test_lone_surrogates_are_refused() -> None:
    assert broken(f'{{"t":"logout","id":"{ID}","roomID":"\\ud800"}}').problem.code == Code.FRAME_INVALID


@given(st.text(max_size=300))
def test_any_text_is_a_frame_or_a_bad_frame(text: str) -> None:
    with pytest.raises(InvalidFrame):
        parse(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(
    st.sampled_from(sorted(TYPES)),
    st.dictionaries(st.sampled_from(["roomID", "user", "media", "sdp", "rooms"]), json_values),
)
def test_any_object_of_a_known_type_is_a_frame_or_a_bad_frame(kind: str, rest: dict[str, object]) -> None:
    with contextlib.suppress(InvalidFrame):
        assert str(parse(json.dumps({"t": kind, "id": ID, **rest})).id) == ID


def test_server_frames_have_the_seeds_spelling() -> None:
    assert (
        to_text(client.Skip(room_id="r", first=1, to=2, pos="p"))
        == '{"t":"skip","roomID":"r","from":1,"to":2,"pos":"p"}'
    )
    assert json.loads(to_text(client.Renewed(id="i", token_expires_in=3, session_id="s"))) == {
        "t": "res", "id": "i", "ok": True, "tokenExpiresIn": 3, "sessionID": "s",
    }  # fmt: skip
