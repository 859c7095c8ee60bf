"""The web SDK's bounds of texts are those that the services check, and each request has its answer."""

from collections.abc import Callable

import pytest

from parlour.contracts import ids
from parlour.contracts.described import web_contract

CHECKS: dict[str, Callable[[str], str]] = {
    "roomID": ids.check_room_id,
    "userID": ids.check_user_id,
    "userName": ids.check_user_name,
    "streamID": ids.check_stream_id,
    "extraInfo": ids.check_stream_extra,
    "message": ids.check_message,
}


def refused(check: Callable[[str], str], text: str) -> int:
    """The code that a text is refused with; 0 where it is taken."""
    try:
        check(text)
    except ids.Invalid as invalid:
        return invalid.problem.code
    return 0


@pytest.mark.parametrize("name", ids.TEXTS)
def test_a_service_refuses_what_the_sdk_refuses(name: str) -> None:
    rule, check = ids.TEXTS[name], CHECKS[name]
    assert refused(check, "a" * rule.most) == 0
    assert refused(check, "a" * (rule.most + 1)) == rule.long
    assert refused(check, "") == (rule.empty if rule.least else 0)
    assert refused(check, "a b%") == (rule.characters if rule.pattern else 0)
    wide = "é" * (rule.most // 2 + 1)
    assert (refused(check, wide) == rule.long) == (rule.unit == "bytes")


def test_each_request_names_its_answer() -> None:
    assert set(web_contract.ANSWERS) <= set(web_contract.section()["requests"])
    assert set(web_contract.ANSWERS.values()) <= set(web_contract.SHAPES)
