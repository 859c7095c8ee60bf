"""The state folder: one holder, secrets that stay, and words instead of stack frames."""

import os
import stat
from pathlib import Path

import pytest

from parlour.cli.failures import FolderLocked, Unusable
from parlour.cli.supervise import diagnose, logs
from parlour.cli.supervise.plan import ROLES
from parlour.cli.supervise.processes import Identity, alive, holder_of_port, identify, reap
from parlour.cli.supervise.state import StateFolder, SuiteStatus
from parlour.runtime.postgres import migrate


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    found = StateFolder(tmp_path / "state", None)
    found.prepare()
    return found


def test_it_is_the_owner_s_alone(folder: StateFolder) -> None:
    folder.secrets()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "secrets.json").stat().st_mode) == 0o600


def test_secrets_are_drawn_once(folder: StateFolder) -> None:
    assert folder.secrets() == folder.secrets()
    assert len(bytes.fromhex(folder.secrets().master_key)) == 32


def test_one_supervisor_at_a_time(folder: StateFolder) -> None:
    folder.lock()
    with pytest.raises(FolderLocked):
        StateFolder(folder.path, None).lock()
    assert StateFolder(folder.path, None).is_locked()


def test_another_layout_is_refused_with_the_way_out(folder: StateFolder) -> None:
    (folder.path / "format").write_text("0")
    with pytest.raises(Unusable, match="move the folder away"):
        folder.prepare()


def test_damaged_secrets_are_refused_rather_than_replaced(folder: StateFolder) -> None:
    (folder.path / "secrets.json").write_text("{")
    with pytest.raises(Unusable, match="Restore it"):
        folder.secrets()


def test_a_run_file_of_another_release_is_no_obstacle(folder: StateFolder) -> None:
    (folder.path / "run.json").write_text('{"services": {}}')
    assert folder.run() is None


def test_what_runs_is_read_back(folder: StateFolder) -> None:
    run = SuiteStatus("ready", "", str(folder.path), identify("supervisor", os.getpid()), url="http://127.0.0.1:1")
    folder.write_run(run)
    assert folder.run() == run


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="PARLOUR_STATE"):
        StateFolder(tmp_path / "file" / "state", None).prepare()


def test_a_pid_that_is_somebody_else_s_by_now_is_left_alone() -> None:
    me = identify("me", os.getpid())
    assert alive(me)
    reused = Identity("me", me.pid, me.started - 1)
    assert not alive(reused)
    assert not reap(reused)


def test_the_holder_of_a_port_is_named() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        assert f"pid {os.getpid()}" in holder_of_port(server.getsockname()[1])


def test_logs_stay_bounded_while_they_are_written(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    with open(log, "ab") as writer:
        writer.write(b"x" * 2000)
        writer.flush()
        logs.trim(tmp_path, longest_bytes=1000)
        writer.write(b"after")
        writer.flush()
    assert log.read_bytes() == b"after"
    assert (tmp_path / "room.log.1").stat().st_size == 2000


@pytest.mark.parametrize(
    ("said", "way_out"),
    [
        ("FATAL: could not write: No space left on device", "the disk is full"),
        ("OSError: [Errno 98] Address already in use", "--port"),
        ("ModuleNotFoundError: No module named 'nats'", "make setup"),
    ],
)
def test_last_words_become_a_way_out(said: str, way_out: str, tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    log.write_text(said)
    explained = diagnose.explain("room", log)
    assert way_out in explained
    assert said in explained


def test_a_structured_last_word_is_shown_as_a_sentence(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    log.write_text('{"event":"service_failed","level":"error","error":"KeyError(1)","exception":"many\\nlines"}\n')
    assert "error service_failed KeyError(1)" in diagnose.explain("room", log)
    assert "many" not in diagnose.explain("room", log)


def test_a_full_disk_is_seen_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not diagnose.disk_problem(tmp_path)
    monkeypatch.setattr(diagnose, "LEAST_FREE_BYTES", 1 << 62)
    assert "PARLOUR_STATE" in diagnose.disk_problem(tmp_path)


def test_roles_are_the_ones_that_the_migrations_make() -> None:
    assert ROLES == migrate.ROLES
