"""An export stands under its name whole, or not at all, whatever ends it."""

import os
import signal
from pathlib import Path

import pytest
import typer

from parlour.cli.audit.output_file import replacing


def test_what_is_whole_takes_the_name_and_replaces_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "room.jsonl"
    output.write_bytes(b"before")
    with replacing(output) as out:
        out.write(b"after")
        assert output.read_bytes() == b"before"
    assert output.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_interrupted_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    output = tmp_path / "room.jsonl"
    before = signal.getsignal(signal.SIGTERM)
    # A run in the background of a shell ignores SIGINT from its start.
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), replacing(output):
            os.kill(os.getpid(), number)
    finally:
        signal.signal(signal.SIGINT, found)
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "room.jsonl"
    output.write_bytes(b"before")
    with pytest.raises(ValueError, match="no"), replacing(output):
        raise ValueError("no")
    assert output.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [output]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="No such file or directory"), replacing(tmp_path / "no" / "x"):
        pass


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    """As /dev/null would: run by root, a rename would put a file in its place."""
    output = tmp_path / "pipe"
    os.mkfifo(output)
    reader = os.open(output, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replacing(output) as out:
            out.write(b"whole")
        assert os.read(reader, 100) == b"whole"
    finally:
        os.close(reader)
    assert output.is_fifo()
    assert list(tmp_path.iterdir()) == [output]
