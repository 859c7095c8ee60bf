"""Formats of a page of events: JSON, JSON lines, CSV, CloudEvents, Parquet.

JSON and JSON lines say which numbers were skipped; the others hold only events, and the position behind the page tells how far it went.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from parlour.contracts import cloudevents
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.kernel.rejection import Rejection

from .encoded_event import EncodedEvent
from .frame_batch import Item, Skip

COLUMNS = ("position", "at", "type", "userID", "actor", "data")
_FORMULA = ("=", "+", "-", "@", "'")
"""A cell that begins with one of these gets one more `'` in front: a spreadsheet reads it as text, and a program removes one."""
_encode = msgspec.json.Encoder().encode


class Format(msgspec.Struct, frozen=True):
    """A media type, and how a page becomes a body: of its items, the position behind it, and whether there is more."""

    media_type: str
    body: Callable[[Sequence[Item], str, bool], bytes]


class EventPage(msgspec.Struct, frozen=True):
    """A page as `format=json`: events in order, the numbers that are not for this reader, and the place to go on from."""

    events: tuple[EventView, ...]
    skipped: tuple[Skip, ...]
    next: str
    more: bool


def _json(items: Sequence[Item], position: str, more: bool) -> bytes:
    events = [msgspec.Raw(item.json) for item in items if isinstance(item, EncodedEvent)]
    skipped = [item for item in items if isinstance(item, Skip)]
    return _encode({"events": events, "skipped": skipped, "next": position, "more": more})


def _lines(items: Sequence[Item], position: str, more: bool) -> bytes:
    lines = (item.json if isinstance(item, EncodedEvent) else _encode({"skip": item}) for item in items)
    return b"".join(line + b"\n" for line in lines)


def _cloud(items: Sequence[Item], position: str, more: bool) -> bytes:
    return _encode([cloudevents.cloud_event(item.view) for item in items if isinstance(item, EncodedEvent)])


def _rows(items: Sequence[Item]) -> list[tuple[str, ...]]:
    views = [item for item in items if isinstance(item, EncodedEvent)]
    return [
        (str(k.position), cloudevents.moment(k.view.at), k.view.type, k.view.user_id, k.view.actor, bytes(k.view.data).decode())
        for k in views
    ]  # fmt: skip


def _csv(items: Sequence[Item], position: str, more: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in _rows(items):
        writer.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row)
    return text.getvalue().encode()


def _parquet(items: Sequence[Item], position: str, more: bool) -> bytes:
    try:
        import pyarrow as pa  # pyright: ignore[reportMissingImports] an extra: too heavy for those who don't ask for it
        import pyarrow.parquet as parquet  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise Rejection(
            Code.PARAMETER, "this server cannot write Parquet", field="format",
            hint="ask for jsonl, or install parlour-gateway[parquet] on the server",
        ) from None  # fmt: skip
    arrow: Any = pa
    rows = _rows(items)
    views = [item.view for item in items if isinstance(item, EncodedEvent)]
    columns: dict[str, list[Any]] = {name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)}
    columns |= {"at": [view.at for view in views], "seq": [view.seq for view in views]}
    kinds = {"at": arrow.timestamp("us", "UTC"), "seq": arrow.int64()}
    fields = [(name, kinds.get(name, arrow.string())) for name in columns]
    sink = io.BytesIO()
    writer: Any = parquet
    writer.write_table(arrow.table(columns, schema=arrow.schema(fields)), sink)
    return sink.getvalue()


FORMATS = {
    "json": Format("application/json", _json),
    "jsonl": Format("application/jsonl", _lines),
    "csv": Format("text/csv; charset=utf-8", _csv),
    "cloudevents": Format("application/cloudevents-batch+json", _cloud),
    "parquet": Format("application/vnd.apache.parquet", _parquet),
}


def format_of(name: str) -> Format:
    """Returns the format of this name; a `Rejection` lists the names."""
    found = FORMATS.get(name)
    if found is None:
        raise Rejection(Code.PARAMETER, f"no format is {name[:20]!r}", field="format", limit=", ".join(FORMATS))
    return found
