"""What is compared in an export: hashes with bytes, the header with the first event, and what is shown with what is hashed."""

from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import chain_hash

from .layout import Header, Line

_NOTHING = msgspec.Raw(b"null")


class _Stored(msgspec.Struct):
    """The parts of an envelope that are compared."""

    type: str
    data: msgspec.Raw


class _First(msgspec.Struct):
    app: int
    room: str = ""


def _sealed_names(kind: type[ev.Event]) -> frozenset[str]:
    stored = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    return frozenset(stored[name] for name in ev.personal_fields(kind))


_SEALED = {kind.TAG: names for kind in ev.ALL if (names := _sealed_names(kind))}
_stored = msgspec.json.Decoder(_Stored).decode
_first = msgspec.json.Decoder(_First).decode
_fields = msgspec.json.Decoder(dict[str, Any]).decode


def hash_matches(before: bytes, line: Line) -> bool:
    """Whether an event's hash is that of its bytes, its number, its time and the event before."""
    return chain_hash(before, line.seq, line.at, line.env) == line.hash


def origin_problem(header: Header, line: Line) -> str:
    """What the header says of room and app that the first event, which is hashed, does not say; empty: nothing."""
    try:
        envelope = _stored(line.env)
        if envelope.type not in (ev.RoomOpened.TAG, ev.AppCreated.TAG):
            return ""
        first = _first(envelope.data)
    except msgspec.DecodeError:
        return "its envelope can't be read"
    if (first.app, first.room) == (header.app, header.room):
        return ""
    return f"the header names room {header.room!r} of app {header.app}, the first event room {first.room!r} of app {first.app}"


def view_problem(line: Line) -> str:
    """What the opened event shows that its stored bytes do not say; empty: nothing. Sealed texts and the user's id are not compared."""
    if line.view == _NOTHING:
        return ""
    try:
        envelope = _stored(line.env)
        sealed = _SEALED.get(envelope.type)
        if sealed is None and line.view == envelope.data:
            return ""
        shown, stored = _fields(line.view), _fields(envelope.data)
    except msgspec.DecodeError:
        return "what is shown of it can't be read"
    for name in sorted(shown.keys() | stored.keys()):
        agrees = (
            (not shown.get(name) or bool(stored.get(name)))
            if name in (sealed or ())
            else shown.get(name) == stored.get(name)
        )
        if not agrees or (name in shown) != (name in stored):
            return f"{name} is shown as {_brief(shown.get(name))}, which is not what was recorded"
    return ""


def _brief(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."
