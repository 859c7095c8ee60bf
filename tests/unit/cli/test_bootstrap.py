"""What `make setup` says on a machine that lacks something, and what it skips on one that lacks nothing."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "libs" / "cli" / "bootstrap.py"
SAYS_SO_WITHIN_S = 2.0


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as the first step looks."""
    for name in ("libs/cli/bootstrap.py", "requirements.lock", "Cargo.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    source = tmp_path / "libs" / "media-core" / "crates" / "core" / "lib.rs"
    source.parent.mkdir(parents=True)
    source.write_text("//! A source.\n")
    return tmp_path


def run_without_tools(checkout: Path, verb: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, checkout / "libs" / "cli" / "bootstrap.py", verb],
        env={"PATH": str(checkout), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_everything_missing_is_named_at_once_with_the_way_out(checkout: Path) -> None:
    began = time.monotonic()
    done = run_without_tools(checkout, "setup")
    assert time.monotonic() - began < SAYS_SO_WITHIN_S
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for tool in ("cargo", "a C compiler", "cmake"):
        assert tool in done.stderr
    assert done.stderr.count("apt-get install") >= 3
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_named_with_the_way_out(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST_PYTHON", (99, 0))
    assert "make setup PYTHON=" in bootstrap.python_problems()[0]


def test_an_old_rust_is_named_with_the_way_out(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Cargo.toml").write_text('rust-version = "1.85"\n')
    cargo = tmp_path / "cargo"
    cargo.write_text("#!/bin/sh\necho cargo 1.60.0\n")
    cargo.chmod(0o755)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert any("rustup update" in problem for problem in bootstrap.native_problems())


def test_a_full_disk_is_named_before_the_build(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(bootstrap.Missing, match="disk space"):
        bootstrap.check_machine(builds_native=True)


def test_no_chromium_is_said_with_the_way_out(checkout: Path) -> None:
    done = run_without_tools(checkout, "browser")
    assert done.returncode == 1
    assert "no Chromium" in done.stderr
    assert "PARLOUR_CHROMIUM" in done.stderr


def test_a_step_is_done_again_only_when_its_inputs_or_outputs_change(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    member, venv, lock = tmp_path / "libs" / "x" / "pyproject.toml", tmp_path / ".venv", tmp_path / "requirements.lock"
    member.parent.mkdir(parents=True)
    member.write_text("[project]")
    lock.write_text("a==1")
    places = {"ROOT": tmp_path, "VENV": venv, "STAMPS": venv / ".setup", "LOCK": lock}
    for name, place in (places | {"MEDIA_CORE": tmp_path / "no-core", "SDK_WEB": tmp_path / "no-web"}).items():
        monkeypatch.setattr(bootstrap, name, place)
    done: list[str] = []

    def make_environment() -> None:
        done.append("environment")
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "python").touch()

    monkeypatch.setattr(bootstrap, "make_environment", make_environment)
    monkeypatch.setattr(bootstrap, "install", lambda *_: done.append("packages"))
    monkeypatch.setattr(bootstrap, "install_members", lambda: done.append("members"))

    def steps() -> list[str]:
        done.clear()
        bootstrap.setup()
        return done.copy()

    assert steps() == ["environment", "packages", "members"]
    assert steps() == []
    member.write_text("[project] # changed")
    assert steps() == ["members"]
    lock.write_text("a==2")
    assert steps() == ["packages"]
    (venv / "bin" / "python").unlink()
    assert steps() == ["environment"]
    assert steps() == []


def test_a_failed_step_shows_its_output_and_is_not_stamped(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "STAMPS", tmp_path / "stamps")
    with pytest.raises(bootstrap.Missing, match="exit 3"):
        bootstrap.do("step", "x", lambda: bootstrap.run("step", "sh", "-c", "echo the reason; exit 3", cwd=tmp_path))
    assert "the reason" in capsys.readouterr().err
    assert not bootstrap.fresh("step", "x")


def test_each_pin_of_the_lock_is_found_with_its_hashes(bootstrap: ModuleType) -> None:
    pinned = bootstrap.locked("uv")
    assert pinned.startswith("uv==")
    assert pinned.count("--hash=sha256:") >= 1
    assert pinned.count("==") == 1
