"""Each limit of the vendor's table, one step inside and one step outside it, with the vendor's code."""

import pytest

from parlour.contracts import ids
from parlour.contracts.codes import Code


@pytest.mark.parametrize(
    ("check", "good", "bad", "code"),
    [
        (ids.check_app_id, 1, 0, Code.APP_ID),
        (ids.check_app_id, 2**32 - 1, 2**32, Code.APP_ID),
        (ids.check_room_id, "r", "", Code.ROOM_ID_EMPTY),
        (ids.check_room_id, "r" * 128, "r" * 129, Code.ROOM_ID_LONG),
        (ids.check_room_id, "a~!@#$^&*()_+=-,;'’.<>/", "100%", Code.ROOM_ID_CHARACTERS),
        (ids.check_room_id, "plain", "with space", Code.ROOM_ID_CHARACTERS),
        (ids.check_user_id, "u", "", Code.USER_ID_EMPTY),
        (ids.check_user_id, "u" * 64, "u" * 65, Code.USER_ID_LONG),
        (ids.check_user_id, "a.b", "a\n", Code.USER_ID_CHARACTERS),
        (ids.check_user_name, "n" * 256, "n" * 257, Code.USER_NAME_LONG),
        (ids.check_user_name, "字" * 85, "字" * 86, Code.USER_NAME_LONG),
        (ids.check_stream_id, "s", "", Code.STREAM_ID_EMPTY),
        (ids.check_stream_id, "s" * 256, "s" * 257, Code.STREAM_ID_LONG),
        (ids.check_stream_id, "A-z_9", "a.b", Code.STREAM_ID_CHARACTERS),
        (ids.check_stream_extra, "x" * 1024, "x" * 1025, Code.STREAM_EXTRA_LONG),
        (ids.check_message, "m", "", Code.MESSAGE_EMPTY),
        (ids.check_message, "m" * 1024, "m" * 1025, Code.MESSAGE_LONG),
    ],
)
def test_limits(check, good, bad, code):  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
    assert check(good) == good
    with pytest.raises(ids.Invalid) as caught:
        check(bad)
    assert caught.value.problem.code == code
    assert caught.value.problem.field
    assert caught.value.problem.limit


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("", "v", Code.ROOM_EXTRA_KEY_LONG),
        ("k" * 11, "v", Code.ROOM_EXTRA_KEY_LONG),
        ("k", "v" * 128, Code.ROOM_EXTRA_VALUE_LONG),
    ],
)
def test_room_extra_limits(key: str, value: str, code: Code) -> None:
    ids.check_room_extra("k" * 10, "v" * 127)
    with pytest.raises(ids.Invalid) as caught:
        ids.check_room_extra(key, value)
    assert caught.value.problem.code == code


def test_a_token_given_as_room_is_called_one() -> None:
    with pytest.raises(ids.Invalid) as caught:
        ids.check_room_id("04" + "A" * 200)
    assert "token" in caught.value.problem.hint


def test_position_comes_back_as_it_went() -> None:
    text = "0190a1b2-0000-7000-8000-000000000001.42.0123456789abcdef"
    assert str(ids.parse_position(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.1.y",
        "0190a1b2-0000-7000-8000-000000000001.042.0123456789abcdef",
        "0190a1b2-0000-7000-8000-000000000001.-1.0123456789abcdef",
    ],
)
def test_position_refuses_what_it_never_writes(text: str) -> None:
    with pytest.raises(ids.Invalid):
        ids.parse_position(text)
