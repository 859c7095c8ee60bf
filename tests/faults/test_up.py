"""`parlour up` when something is wrong: it says what and how to mend it, or mends it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from parlour.cli.embedded.nats import NatsServer
from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import wait_until

SERVICES = {"auth", "room", "registry", "relay", "im", "record", "gateway"}
WITHIN_S = 20.0
GONE_WITHIN_S = 5.0


def pids(suite: Suite) -> dict[str, int]:
    status = suite.status()
    return {found["name"]: found["pid"] for found in (*status["services"], *status["servers"])}


def gone(pid: int) -> bool:
    """Whether a process ends within the limit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], GONE_WITHIN_S)[0])
    finally:
        os.close(handle)


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with running_suite() as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state folder that Postgres's account can reach."""
    with tempfile.TemporaryDirectory(prefix="parlour-fault-") as top:
        Path(top).chmod(0o711)
        yield Path(top) / "state"


def refused(state: Path, *arguments: str) -> str:
    """What `up` says on standard error when it does not come up."""
    done = Suite(state).run("up", "--detach", *arguments, timeout_s=60, check=False)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def test_status_tells_all_that_an_operator_asks(suite: Suite) -> None:
    status = suite.status()
    assert status["url"].startswith("http://127.0.0.1:")
    assert status["app_id"] > 0
    assert {found["name"] for found in status["services"]} == SERVICES
    assert all(found["pid"] > 0 and found["state"] == "ready" for found in status["services"])
    assert Path(status["state_folder"]).is_dir()
    assert status["nats"].startswith("nats://")
    assert status["postgres"].startswith("postgresql://")


def test_a_token_stands_alone_on_its_line(suite: Suite) -> None:
    printed = suite.run("token", "--app", str(suite.app_id), "--user", "ada", "--room", "r", "--ttl", "60").stdout
    assert printed.startswith("04")
    assert printed.count("\n") == 1


def test_up_again_tells_what_runs_already(suite: Suite) -> None:
    before = pids(suite)
    assert "is running already" in suite.run("up", "--detach").stdout
    assert pids(suite) == before


def test_doctor_finds_nothing_to_do(suite: Suite) -> None:
    said = suite.run("doctor").stdout
    assert "✗" not in said


@pytest.mark.parametrize("victim", sorted(SERVICES | {"nats", "postgres"}))
def test_a_killed_process_comes_back(suite: Suite, victim: str) -> None:
    dead = pids(suite)[victim]
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: pids(suite)[victim] not in {0, dead}, f"{victim} was not started again")
    wait_until(
        lambda: all(found["state"] == "ready" for found in suite.status()["services"]),
        f"not everybody became ready again after {victim} was killed",
    )


def test_children_die_with_a_killed_supervisor_and_up_goes_on_from_there(folder: Path) -> None:
    suite = Suite(folder)
    suite.up()
    try:
        made = json.loads(suite.run("apps", "create", "--name", "before", "--json").stdout)
        children = pids(suite)
        os.kill(suite.status()["supervisor"]["pid"], signal.SIGKILL)
        for name, pid in children.items():
            assert gone(pid), f"{name} outlived its supervisor"
        assert suite.run("status", "--json", check=False).returncode == 3
        suite.up()
        listed = [json.loads(line) for line in suite.run("apps", "list", "--json").stdout.splitlines()]
        assert made["app"] in [found["app"] for found in listed]
    finally:
        suite.down()


def test_two_starts_at_once_are_one_suite_and_down_leaves_nothing_behind(folder: Path) -> None:
    suite = Suite(folder)
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: suite.up(), range(2)))
    children = pids(suite)
    suite.run("down", timeout_s=60)
    assert all(gone(pid) for pid in children.values())
    assert "was not running" in suite.run("down").stdout


def test_a_taken_port_is_named_with_its_holder(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        said = refused(folder, "--port", str(holder.getsockname()[1]))
    assert "is taken" in said
    assert f"pid {os.getpid()}" in said
    assert "--port" in said


def test_a_state_folder_of_another_layout_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "format").write_text("0")
    assert "move the folder away" in refused(folder, "--port", "0")


@contextmanager
def small_disk(at: Path) -> Iterator[None]:
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=711", "tmpfs", at], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets us mount no small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", at], check=True)


def test_a_full_disk_is_named(folder: Path) -> None:
    with small_disk(folder):
        said = refused(folder / "state", "--port", "0")
    assert "the disk is full" in said
    assert "PARLOUR_STATE" in said


def test_servers_that_exist_are_used(folder: Path, postgres: str, nats_server: NatsServer) -> None:
    theirs = {"PARLOUR_POSTGRES_DSN": postgres, "PARLOUR_NATS_URL": nats_server.address("test")}
    suite = Suite(folder, theirs)
    suite.up()
    try:
        status = suite.status()
        assert status["servers"] == []
        assert status["nats"] == theirs["PARLOUR_NATS_URL"]
        assert suite.run("token", "--user", "ada").stdout.startswith("04")
    finally:
        suite.down()


def test_without_a_suite_each_verb_says_how_to_start_one(folder: Path) -> None:
    for verb in (["token", "--user", "ada"], ["events", "r"], ["replay", "r"], ["apps", "list"]):
        done = Suite(folder).run(*verb, check=False)
        assert done.returncode == 1
        assert "make up" in done.stderr


def test_in_the_foreground_it_stays_until_it_is_interrupted(folder: Path) -> None:
    environment = {**os.environ, "PARLOUR_STATE": str(folder), "PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(
        [Path(sys.executable).with_name("parlour"), "up", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout
    try:
        lines = [next(started.stdout) for _ in range(6)]
        assert "is up" in lines[0]
        assert lines[-1].split()[0] == "token"
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 0
    finally:
        started.kill()
        started.communicate()
