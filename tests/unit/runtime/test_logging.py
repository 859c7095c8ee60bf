"""Logs: one JSON object a line; nothing personal, no secret, no token."""

import json
import logging as standard

import msgspec
import pytest
import structlog

from parlour.contracts import commands
from parlour.contracts import events as ev
from parlour.runtime.telemetry import logging

TOKEN = "04" + "AAAAAG" * 20
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


def test_marked_fields_secrets_and_tokens_are_hidden_at_any_depth() -> None:
    joined = ev.UserJoined("s1", "actor", "ada", "Ada Lovelace")
    request = commands.Request("id", commands.Caller("ada", "s1"), commands.VerifyToken(TOKEN, "ada"))
    shown = json.dumps(logging.hide({"event": joined, "nested": [{"request": request}], "text": "hello"}))
    for private in ("ada", "Ada", "hello", TOKEN):
        assert private not in shown
    assert '"session_id": "s1"' in shown


@pytest.mark.parametrize("text", [f"refused {TOKEN}", f"Bearer {JWT}", "postgresql://user:geheim@host/d"])
def test_tokens_and_passwords_are_hidden_inside_other_texts(text: str) -> None:
    shown = str(logging.hide({"error": text}))
    for private in (TOKEN, JWT, "geheim"):
        assert private not in shown


def test_bytes_show_their_size_and_long_texts_are_cut() -> None:
    assert logging.hide({"payload": b"abc", "raw": msgspec.Raw(b"12345")}) == {
        "payload": "<3 bytes>",
        "raw": "<5 bytes>",
    }
    assert len(logging.hide("x" * 100_000)) == logging.MAX_TEXT


def test_a_line_is_json_with_the_process_and_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    handlers, level = standard.root.handlers[:], standard.root.level
    try:
        logging.configure("room", "r1", "info")
        log = logging.logger("module")
        with structlog.contextvars.bound_contextvars(app=7):
            log.info("joined", user_id="ada", room_uid="uid")
        log.debug("not_shown")
        try:
            raise ValueError(TOKEN)
        except ValueError as error:
            log.error("fault", exc_info=error)
        standard.getLogger("other").warning("from %s", "elsewhere")
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    finally:
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()
        standard.root.handlers[:], standard.root.level = handlers, level
    joined, fault, other = lines
    assert (joined["event"], joined["service"], joined["instance"], joined["app"]) == ("joined", "room", "r1", 7)
    assert (joined["user_id"], joined["room_uid"]) == (logging.HIDDEN, "uid")
    assert "ValueError" in fault["exception"]
    assert TOKEN not in json.dumps(fault)
    assert other["event"] == "from elsewhere"
