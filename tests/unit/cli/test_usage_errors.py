"""What a verb says about an argument that it can't use: the option's name, what was given, and what would do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from parlour.cli.main import app


def usage_error(*words: str) -> str:
    """What stands on standard error, in one line."""
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, done.output
    return " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize("text", ["yesterday", "5"])
def test_a_time_that_is_none_is_named_with_its_option(text: str) -> None:
    said = usage_error("history", "calls", "--from", text)
    assert "--from" in said
    assert f"'{text}' is no time: as 2026-11-21T14:03:07Z" in said


def test_a_length_that_is_none_is_named_with_its_option() -> None:
    assert "--for" in usage_error("ban", "--user", "bob", "--for", "1y")
    assert "--ban-for" in usage_error("kick", "lobby", "bob", "--ban-for", "10x")


@pytest.mark.parametrize("words", [("logs", "--event", "room("), ("metrics", "--name", "room(")])
def test_a_regular_expression_that_is_none_is_named_with_its_option(words: tuple[str, ...]) -> None:
    said = usage_error(*words)
    assert words[1] in said
    assert "'room(' is no regular expression" in said


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("notes")
    said = usage_error("bug", "--open", str(file))
    assert "--open" in said
    assert "is no report of `parlour bug`" in said


def test_a_master_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLOUR_MASTER_KEY", raising=False)
    assert "PARLOUR_MASTER_KEY is not set" in usage_error("issuer")
