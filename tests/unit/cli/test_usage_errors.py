"""What a verb says about an argument that it can't use: the option's name, what was given, and what would do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from parlour.cli.failures import BadVariable
from parlour.cli.main import app
from parlour.runtime.signing.nats_keys import Issuer


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


def test_a_secret_s_file_counts_as_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "master-key"
    key.write_text(f"{bytes(32).hex()}\n")
    monkeypatch.setenv("PARLOUR_MASTER_KEY", "")  # so that what the command sets is undone
    monkeypatch.delenv("PARLOUR_MASTER_KEY")
    monkeypatch.setenv("PARLOUR_MASTER_KEY_FILE", str(key))
    done = CliRunner().invoke(app, ["issuer"])
    assert (done.exit_code, done.output.strip()) == (0, Issuer(bytes(32)).public)
    monkeypatch.setenv("PARLOUR_MASTER_KEY_FILE", str(key))
    done = CliRunner().invoke(app, ["issuer"])
    assert isinstance(done.exception, BadVariable)
    assert str(done.exception) == "PARLOUR_MASTER_KEY and PARLOUR_MASTER_KEY_FILE are both set: give one of them"
