"""An export is whole only where a signature stands for all of it; it is compared with a kept checkpoint and with what it shows."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from parlour.cli.main import app
from parlour.contracts import events as ev
from parlour.contracts.proofs import Consistency, Inclusion
from parlour.testkit.exports import APP, KEY, Tree, header, recorded, shown, written
from parlour.testkit.user_keys import MemoryUserKeyStore
from parlour.verify.layout import Line


async def chain() -> list[Line]:
    people = MemoryUserKeyStore()
    ann = await people.actor(APP, "ann")
    events = (
        ev.RoomOpened(APP, "studio"),
        ev.UserJoined("s", ann, "ann", "Ann"),
        ev.BroadcastSent("s", ann, "good morning"),
        ev.UserLeft("s", ann, "logout"),
    )
    return await shown(people, recorded(people, events))


LINES = asyncio.run(chain())
ACTOR = msgspec.json.decode(LINES[1].view)["actor"]
TREE = Tree(LINES[-1])


class Harness:
    """The files of an auditor, and the verb."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self,
        lines: list[Line] = LINES,
        proof: Inclusion | None = None,
        room: str = "studio",
        carried: Consistency | None = None,
    ) -> None:
        self.file("call.jsonl", b"".join(written(header(proof, room, carried), lines)))

    def file(self, name: str, data: bytes | str) -> str:
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def verify(self, *more: str, key: bool = True) -> Result:
        keyed = ["--key", str(KEY.public)] if key else []
        return CliRunner().invoke(app, ["audit", "verify", str(self.folder / "call.jsonl"), *keyed, *more])


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path)


def test_a_signed_export_is_whole(harness: Harness) -> None:
    harness.write(proof=TREE.inclusion())
    done = harness.verify()
    assert (done.exit_code, done.stdout.split(":")[0]) == (0, "whole")
    assert "3 sealed texts (messages, names) among it" in done.stdout


@pytest.mark.parametrize("lines", [LINES, LINES[:2], []], ids=["all", "shortened", "empty"])
def test_an_export_without_a_proof_is_not_whole(harness: Harness, lines: list[Line]) -> None:
    harness.write(lines)
    done = harness.verify()
    assert (done.exit_code, done.stdout.split(":")[0]) == (4, "NOT SIGNED")
    assert "whole" not in done.stdout
    assert harness.verify("--unsigned-ok").exit_code == 0
    found = json.loads(harness.verify("--json").stdout)
    assert (found["ok"], found["whole"], found["signed"]) == (False, False, 0)


def test_without_a_key_nothing_is_whole(harness: Harness) -> None:
    harness.write(proof=TREE.inclusion())
    done = harness.verify(key=False)
    assert (done.exit_code, done.stdout.split(":")[0]) == (4, "NOT SIGNED")


def test_an_older_proof_does_not_stand_for_what_follows(harness: Harness) -> None:
    harness.write(proof=Tree(LINES[1]).inclusion())
    done = harness.verify()
    assert done.exit_code == 4
    assert "signed up to event 2 of 4" in done.stdout
    assert "whole" not in done.stdout
    assert harness.verify("--unsigned-ok").exit_code == 0


@pytest.mark.parametrize("room", ["board", ""])
def test_another_room_in_the_header_is_named(harness: Harness, room: str) -> None:
    harness.write(proof=TREE.inclusion(), room=room)
    done = harness.verify()
    assert done.exit_code == 1
    assert f"event 1: the header names room {room!r} of app 77, the first event room 'studio' of app 77" in done.stdout


@pytest.mark.parametrize(
    ("seq", "view", "problem"),
    [
        (1, b'{"app":77,"room":"board","maxMemberCount":0,"previous":""}', 'room is shown as "board"'),
        (3, b'{"sessionID":"t","actor":"%s","text":"good morning"}' % ACTOR.encode(), 'sessionID is shown as "t"'),
        (4, b"{}", "is shown as null"),
        (4, b"[]", "can't be read"),
    ],
    ids=["room", "session", "nothing", "a list"],
)  # fmt: skip
def test_what_is_shown_otherwise_than_recorded_is_named(harness: Harness, seq: int, view: bytes, problem: str) -> None:
    lines = list(LINES)
    lines[seq - 1] = msgspec.structs.replace(lines[seq - 1], view=msgspec.Raw(view))
    harness.write(lines, TREE.inclusion())
    done = harness.verify()
    assert done.exit_code == 1
    assert f"event {seq}: " in done.stdout
    assert problem in done.stdout


@pytest.mark.parametrize("kept", [3, 6, 8])
def test_a_kept_checkpoint_of_the_same_history(harness: Harness, kept: int) -> None:
    old, new = sorted((kept, 6))
    carried = TREE.consistency(old, new) if old != new else None
    harness.write(proof=TREE.inclusion(), carried=carried)
    note = harness.file("kept.note", TREE.note(kept))
    done = harness.verify("--checkpoint", note)
    assert done.exit_code == 0, done.stdout
    assert f"the kept checkpoint of {kept} heads are of one history" in done.stdout
    if carried is None:
        return
    harness.write(proof=TREE.inclusion())
    lacking = harness.verify("--checkpoint", note, "--unsigned-ok")
    assert (lacking.exit_code, lacking.stdout.split(" ")[0]) == (4, "NOT")
    assert f"a consistency proof from {old} to {new} heads" in lacking.stdout
    proof = harness.file("consistency.json", msgspec.json.encode(carried))
    assert harness.verify("--checkpoint", note, "--consistency", proof).exit_code == 0


@pytest.mark.parametrize("kept", [3, 6, 8])
def test_a_kept_checkpoint_of_another_history_is_told(harness: Harness, kept: int) -> None:
    other = Tree(LINES[-1], other=b"another")
    old, new = sorted((kept, 6))
    for liar in (TREE, other):
        harness.write(proof=TREE.inclusion(), carried=liar.consistency(old, new) if old != new else None)
        done = harness.verify("--checkpoint", harness.file("kept.note", other.note(kept)))
        assert done.exit_code == 1
        assert ("two trees of 6 heads were signed" if kept == 6 else "does not continue") in done.stdout


def test_a_kept_checkpoint_without_its_key_or_without_a_proof(harness: Harness) -> None:
    harness.write()
    note = harness.file("kept.note", TREE.note(3))
    assert harness.verify("--checkpoint", note, key=False).exit_code == 2
    assert harness.verify("--checkpoint", harness.file("bad.note", "nonsense")).exit_code == 2
    done = harness.verify("--checkpoint", note, "--unsigned-ok")
    assert done.exit_code == 4
    assert "a signed checkpoint in the file" in done.stdout
