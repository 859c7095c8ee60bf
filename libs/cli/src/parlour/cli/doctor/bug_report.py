"""A report of what happened in a room: one zip file with its events, what the relays decided, spans and log lines; nobody is named in it.

People appear by their random ids. Every text that is marked personal is empty; everything else is as it was, so the events still fold
into the room's state at each number, on any machine, without a server.
"""

import importlib.metadata
import platform
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import RoomState
from parlour.kernel.view import apply, empty_room

KIND = "parlour.bug.v1"
MAX_EVENTS = 20_000
"""The most events that a report has: the latest. A longer call begins in the middle, and its states can't be computed."""
MAX_LINES = 20_000
"""The most spans, and the most log lines, that a report has."""
_encode = msgspec.json.Encoder().encode
_view = msgspec.json.Decoder(EventView).decode


class About(msgspec.Struct, frozen=True):
    """The file's first page. `settings` are names of variables that were set, never values."""

    kind: str
    app: int
    room: str
    room_uid: str
    made_at: int
    events: int
    hash: str
    versions: dict[str, str]
    python: str
    system: str
    settings: tuple[str, ...]


def remove_personal_texts(view: EventView) -> EventView:
    """Returns the event with personal texts emptied; the user appears by the random id alone."""
    kind = ev.BY_TAG.get(view.type)
    fields: dict[str, Any] = msgspec.json.decode(view.data)
    if kind is None:
        fields = {}
    else:
        stored = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
        fields |= {stored[name]: "" for name in ev.personal_fields(kind) if stored[name] in fields}
    return msgspec.structs.replace(view, user_id="", erased=True, data=msgspec.Raw(_encode(fields)))


def describe(app: int, room: str, views: list[EventView], environ: Mapping[str, str]) -> About:
    """Describes the report: the room, versions, and the names of the settings that were set."""
    names = sorted(
        {d.metadata["Name"] for d in importlib.metadata.distributions() if d.metadata["Name"].startswith("parlour")}
    )
    last = views[-1] if views else None
    return About(
        KIND, app, room, last.room_uid if last else "", time.time_ns() // 1000, len(views), last.hash if last else "",
        {name: importlib.metadata.version(name) for name in names}, platform.python_version(), platform.platform(),
        tuple(sorted(name for name in environ if name.startswith("PARLOUR_"))),
    )  # fmt: skip


async def write_report(
    path: Path, page: About, views: list[EventView], flights: AsyncIterator[msgspec.Struct], state: Path | None
) -> None:
    """Writes the zip file at `path`. `state` is the folder of a suite on this machine, with its spans and logs."""
    traces = frozenset(view.trace_id for view in views if view.trace_id)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("about.json", msgspec.json.format(_encode(page), indent=2))
        file.writestr("events.jsonl", b"".join(_encode(remove_personal_texts(view)) + b"\n" for view in views))
        file.writestr("flight.jsonl", b"".join([_encode(flight) + b"\n" async for flight in flights]))
        if state is not None:
            file.writestr("spans.jsonl", _lines(state / "traces", "*.jsonl*", traces))
            file.writestr("log.jsonl", _lines(state / "logs", "*.log", traces))


def _lines(folder: Path, pattern: str, traces: frozenset[str]) -> str:
    """Whole JSON lines that belong to one of the traces. Logs and spans hold no personal text by themselves."""
    found: list[str] = []
    for path in sorted(folder.glob(pattern)):
        with open(path, errors="replace") as lines:
            found += [line for line in lines if _trace_of(line) in traces]
    return "".join(found[-MAX_LINES:])


class _TraceFields(msgspec.Struct):
    """Where a line names its trace: a log line at its top, a span in its context."""

    trace_id: str = ""
    context: dict[str, Any] = {}


def _trace_of(line: str) -> str:
    try:
        found = msgspec.json.decode(line, type=_TraceFields)
    except msgspec.DecodeError:
        return ""
    return found.trace_id or str(found.context.get("trace_id", ""))


class NoReport(ValueError):
    """The file is not what `write_report` writes."""


class Report:
    """A report that was read from its file; `NoReport` where it is something else."""

    def __init__(self, path: Path) -> None:
        try:
            with zipfile.ZipFile(path) as file:
                self.about = msgspec.json.decode(file.read("about.json"), type=About)
                self.views = [_view(line) for line in file.read("events.jsonl").splitlines()]
                self.parts = tuple((each.filename, each.file_size) for each in file.infolist())
        except (zipfile.BadZipFile, KeyError, msgspec.DecodeError) as error:
            raise NoReport(str(error)) from None
        if self.about.kind != KIND:
            raise NoReport(f"this is {self.about.kind!r}, not {KIND!r}")

    def states(self) -> Iterator[tuple[EventView, RoomState]]:
        """Each event with the state after it. `BrokenHistory` where the events do not follow each other."""
        state = empty_room(self.about.app, self.about.room, self.about.room_uid)
        for view in self.views:
            state = apply(state, view)
            yield view, state
