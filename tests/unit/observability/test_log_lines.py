"""`parlour logs`: which lines it prints."""

import re
from pathlib import Path

from parlour.cli.verbs.observe import last_lines


def test_the_last_lines_of_an_event_are_found_also_in_the_log_before(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    (tmp_path / "room.log.1").write_text('{"event":"fault","n":1}\n{"event":"ready","n":2}\n')
    log.write_text('{"event":"fault","n":3}\n{"event":"faulty","n":4}\nTraceback\n')
    assert list(last_lines(log, re.compile("fault"), 5)) == ['{"event":"fault","n":1}', '{"event":"fault","n":3}']
    assert list(last_lines(log, re.compile("ready|fault"), 2)) == ['{"event":"ready","n":2}', '{"event":"fault","n":3}']
    assert list(last_lines(log, None, 2)) == ['{"event":"faulty","n":4}', "Traceback"]


def test_a_process_that_has_written_nothing_has_no_lines(tmp_path: Path) -> None:
    assert list(last_lines(tmp_path / "im.log", None, 5)) == []
