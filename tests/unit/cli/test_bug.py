"""A report names nobody and still folds: the state after each event is there without a server."""

import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from parlour.cli.doctor import bug_report as bug
from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.view import BrokenHistory

UID = "01980000-0000-7000-8000-000000000001"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def views() -> list[EventView]:
    events = (
        ev.RoomOpened(7, "lobby"),
        ev.UserJoined("s1", "actor-1", "ann@example.com", "Ann Smith"),
        ev.StreamAdded("cam", "s1", "actor-1", "relay", "t1", "Ann's camera"),
        ev.BroadcastSent("s1", "actor-1", "call me at 555-1234"),
    )
    hashes = ["0" * 64, *(f"{n:064x}" for n in range(1, 9))]
    return [
        EventView(
            7, "lobby", UID, seq, seq * 1000, hashes[seq], hashes[seq - 1], event.TAG, 0,
            msgspec.Raw(msgspec.json.encode(event)), "actor-1", "ann@example.com", trace_id=TRACE,
        )
        for seq, event in enumerate(events, 1)
    ]  # fmt: skip


async def no_flights() -> AsyncIterator[msgspec.Struct]:
    for nothing in ():
        yield nothing


async def written(folder: Path, found: list[EventView]) -> Path:
    (folder / "traces").mkdir()
    (folder / "logs").mkdir()
    (folder / "traces" / "room.jsonl").write_text(
        f'{{"name":"room.join","context":{{"trace_id":"{TRACE}"}}}}\n{{"context":{{}}}}\n'
    )
    (folder / "logs" / "room.log").write_text(
        f'{{"event":"fault","trace_id":"{TRACE}"}}\n{{"event":"ready"}}\nnot json\n'
    )
    path = folder / "bug.zip"
    page = bug.describe(7, "lobby", found, {"PARLOUR_MASTER_KEY": "secret-value", "HOME": "/home/ann"})
    await bug.write_report(path, page, found, no_flights(), folder)
    return path


async def test_nobody_is_named(tmp_path: Path) -> None:
    path = await written(tmp_path, views())
    with zipfile.ZipFile(path) as file:
        whole = b"".join(file.read(name) for name in file.namelist())
        assert file.read("spans.jsonl").count(b"\n") == 1
        assert file.read("log.jsonl").count(b"\n") == 1
    for secret in (b"ann@example.com", b"Ann", b"555-1234", b"secret-value", b"/home/ann"):
        assert secret not in whole
    assert b"PARLOUR_MASTER_KEY" in whole
    assert b"actor-1" in whole


async def test_the_state_after_each_event_is_there(tmp_path: Path) -> None:
    report = bug.Report(await written(tmp_path, views()))
    states = [state for _, state in report.states()]
    assert [(len(s.users), len(s.streams), s.messages) for s in states] == [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)]
    assert states[-1].hash == report.about.hash


async def test_events_that_do_not_follow_are_told(tmp_path: Path) -> None:
    found = views()
    del found[2]
    report = bug.Report(await written(tmp_path, found))
    with pytest.raises(BrokenHistory):
        list(report.states())


def test_an_event_of_an_unknown_type_keeps_nothing() -> None:
    view = msgspec.structs.replace(views()[1], type="room.something_new.v9")
    assert bytes(bug.remove_personal_texts(view).data) == b"{}"
