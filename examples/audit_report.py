"""Writes a report about one call, in Markdown, from its export alone: the verdict, then who was there, published and wrote.

python audit_report.py call.jsonl parlour.pub >report.md

call.jsonl is what `parlour audit export` wrote, parlour.pub what `parlour audit keys` prints. It needs only the wheel parlour-verify.
Exit codes are those of parlour-verify. Of a file that is not as recorded the report has the verdict and nothing else.
"""

import base64
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from parlour.verify.commands import read_keys, report, verify_file

ENDS = {"room.user_left.v1", "room.user_kicked.v1"}
MESSAGES = {"im.broadcast_sent.v1": "to all", "im.barrage_sent.v1": "barrage", "im.command_sent.v1": "command"}
NOT_PROVEN = 4


class Event(NamedTuple):
    """One event of the export. `user` is empty where the user was erased."""

    seq: int
    at: int
    type: str
    user: str
    data: dict[str, Any]


class Interval:
    """A session or a stream, from its first event to its last; `end` and `reason` are empty while it goes on."""

    def __init__(self, began: Event, label: str) -> None:
        self.began, self.label = began, label
        self.end, self.reason = "", ""

    def finish(self, event: Event) -> None:
        """Notes the event that ends it."""
        reason = event.data.get("reason") or f"code {event.data['code']}"
        self.end, self.reason = time(event.at), f"{reason} ({event.type})"


def time(at: int) -> str:
    """Unix microseconds as UTC."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


def cell(text: object) -> str:
    """Text for a table: it cannot end its cell or begin markup."""
    safe = "".join(f"&#{ord(one)};" if one in "|<>&[]`*_\\" else one for one in str(text))
    return " ".join(safe.split()) or "–"


def table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A Markdown table, or the word none."""
    if not rows:
        return "none\n"
    lines = [heads, ("---",) * len(heads), *([cell(part) for part in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def events_of(lines: list[str]) -> Iterator[Event]:
    """Yields the events of an export's lines, without its first and last line."""
    for line in map(json.loads, lines[1:-1]):
        kind = json.loads(base64.b64decode(line["env"]))["type"]
        yield Event(line["seq"], line["at"], kind, line.get("user", ""), line["view"])


def written_report(header: dict[str, Any], events: list[Event], verdict: str) -> str:
    """The whole report."""
    sessions: dict[str, Interval] = {}
    streams: dict[str, Interval] = {}
    messages: list[tuple[object, ...]] = []
    for event in events:
        data = event.data
        if event.type == "room.user_joined.v1":
            sessions[data["sessionID"]] = Interval(event, data["userName"])
        elif event.type in ENDS:
            sessions[data["sessionID"]].finish(event)
        elif event.type == "stream.added.v1":
            kinds = [kind for kind in ("hasAudio", "hasVideo") if data[kind]]
            streams[f"{data['streamID']} {event.seq}"] = Interval(event, f"{data['streamID']} ({', '.join(kinds)})")
        elif event.type == "stream.removed.v1":
            name = next(key for key in reversed(streams) if key.rpartition(" ")[0] == data["streamID"])
            streams[name].finish(event)
        elif event.type in MESSAGES:
            messages.append((event.seq, time(event.at), event.user, MESSAGES[event.type], data["text"]))

    def rows(intervals: dict[str, Interval]) -> list[tuple[object, ...]]:
        return [
            (one.began.seq, one.began.user, one.label, time(one.began.at), one.end, one.reason)
            for one in intervals.values()
        ]

    heads = ("event", "user", "name", "from", "to", "ended by")
    return "\n".join(
        (
            f"# Room {cell(header['room'])} of app {header['app']}\n",
            f"Call {header['room_uid']}, {len(events)} events from {time(events[0].at)} to {time(events[-1].at)}.",
            f"Exported {time(header['exported_at'])} by {cell(header['exported_by'])}. All times are UTC.\n",
            f"## Verification\n\n```text\n{verdict}\n```\n",
            f"## Who was there\n\n{table(heads, rows(sessions))}",
            f"## Streams\n\n{table(heads, rows(streams))}",
            f"## Messages\n\n{table(('event', 'at', 'user', 'kind', 'text'), messages)}",
        )
    )


def main(export: Path, key: str) -> int:
    """Prints the report and returns the exit code."""
    keys = read_keys([key])
    verdict, code = report(verify_file(export, keys, None), keyed=bool(keys), unsigned_ok=False, as_json=False)
    if code not in (0, NOT_PROVEN):
        print(f"# {cell(export.name)}\n\n```text\n{verdict}\n```")
        return code
    lines = export.read_text().splitlines()
    header = json.loads(lines[0])
    if "room_uid" not in header:
        sys.exit(f"{export} is an archive of many calls; its texts are sealed, so there is nothing to report")
    print(written_report(header, list(events_of(lines)), verdict))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
