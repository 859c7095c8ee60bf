"""`parlour-verify` as an auditor has it: three small wheels, msgspec and cryptography in an environment of their own, without a network."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from parlour.contracts import events as ev
from parlour.testkit.exports import APP, KEY, Tree, header, recorded, shown, written
from parlour.testkit.user_keys import MemoryUserKeyStore
from parlour.testkit.wheels import build_wheels, clean_environment, wheel_metadata
from parlour.verify.layout import Line

OURS = ("parlour-contracts", "parlour-kernel", "parlour-verify")
Verify = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our three wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(OURS, folder)
    return folder


@pytest.fixture(scope="module")
def commands(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with them and what they declare."""
    return clean_environment(tmp_path_factory.mktemp("auditor") / "venv", wheels.glob("*.whl"))


@pytest.fixture
def verify(commands: Path, tmp_path: Path) -> Verify:
    """Runs the command in the folder of the test."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [commands / "parlour-verify", *arguments]
        return subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)

    return run


async def call() -> list[Line]:
    people = MemoryUserKeyStore()
    ann = await people.actor(APP, "ann")
    events = (
        ev.RoomOpened(APP, "studio"),
        ev.UserJoined("s", ann, "ann", "Ann"),
        ev.BroadcastSent("s", ann, "good morning"),
    )
    return await shown(people, recorded(people, events))


LINES = asyncio.run(call())
TREE = Tree(LINES[-1])


def export(lines: list[Line] = LINES) -> bytes:
    return b"".join(written(header(TREE.inclusion(), "studio", None), lines))


def test_the_wheels_ask_for_little(wheels: Path) -> None:
    asked: dict[str, set[str]] = {}
    for wheel in wheels.glob("*.whl"):
        about = wheel_metadata(wheel)
        asked[about["Name"]] = {re.split("[>=]", one)[0] for one in about.get_all("Requires-Dist", [])}
    assert asked["parlour-verify"] == {*OURS[:2], "msgspec", "cryptography"}
    assert asked["parlour-contracts"] | asked["parlour-kernel"] <= {OURS[0], "msgspec", "typing-extensions"}


def test_an_export_verifies_and_a_damaged_one_does_not(verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "parlour.pub").write_text(f"{KEY.public}  # the record's\n")
    (tmp_path / "call.jsonl").write_bytes(export())
    whole = verify("export", "call.jsonl", "--key", "parlour.pub")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.startswith("whole: room studio, call ")
    (tmp_path / "bad.jsonl").write_bytes(export().replace(b"good morning", b"good evening"))
    bad = verify("export", "bad.jsonl", "--key", "parlour.pub", "--json")
    found = json.loads(bad.stdout)
    assert (bad.returncode, found["ok"], found["seq"]) == (1, False, 3)
    assert "good evening" in found["problem"]
    unsigned = verify("export", "call.jsonl")
    assert (unsigned.returncode, unsigned.stdout.split(":")[0]) == (4, "NOT SIGNED")


def test_a_checkpoint_is_compared_with_a_kept_one(verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "new.note").write_text(TREE.note(6))
    (tmp_path / "kept.note").write_text(TREE.note(3))
    key = ("--key", str(KEY.public))
    assert verify("checkpoint", "new.note", *key).stdout.endswith(", 6 heads\n")
    alone = verify("checkpoint", "new.note", *key, "--checkpoint", "kept.note")
    assert (alone.returncode, "a consistency proof from 3 to 6 heads" in alone.stdout) == (4, True)
    (tmp_path / "proof.json").write_bytes(msgspec.json.encode(TREE.consistency(3, 6)))
    proven = ("--consistency", "proof.json")
    assert verify("checkpoint", "new.note", *key, "--checkpoint", "kept.note", *proven).returncode == 0
    (tmp_path / "kept.note").write_text(Tree(LINES[-1], other=b"another").note(3))
    other = verify("checkpoint", "new.note", *key, "--checkpoint", "kept.note", *proven)
    assert (other.returncode, other.stdout.split(":")[0]) == (1, "CONTRADICTION")


def test_wrong_arguments_are_named(verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "call.jsonl").write_bytes(export())
    assert verify("export", "call.jsonl", "--key", "nonsense").stderr.startswith("parlour-verify: --key: ")
    assert verify("export", "absent.jsonl").returncode == 2
    assert verify("watch", "ftp://nowhere", "--keep", "kept").returncode == 2


def test_nothing_else_is_imported(commands: Path) -> None:
    """Third-party packages other than the two would not be there; of ours only three are."""
    code = (
        "import parlour.verify.main, sys; "
        "print(*sorted({name.split('.')[1] for name in sys.modules if name.startswith('parlour.')}))"
    )
    done = subprocess.run([commands / "python", "-c", code], env={}, capture_output=True, text=True)
    assert done.stdout.split() == ["contracts", "kernel", "verify"], done.stderr
