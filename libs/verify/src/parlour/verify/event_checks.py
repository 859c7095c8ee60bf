"""Compares the parts of an export: hashes with bytes, the header with the first event, and opened texts with the hashed bytes."""

from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import chain_hash
from parlour.contracts.sealed_text import SEALED_FIELDS

from .layout import Header, Line, MalformedLine, decode_line, is_canonical
from .text_checks import TextChecks, brief

_NOTHING = msgspec.Raw(b"null")


class _Stored(msgspec.Struct):
    """The fields of an envelope that are compared."""

    type: str
    data: msgspec.Raw
    actor: str = ""


class _Opening(msgspec.Struct):
    app: int
    room: str = ""


_stored = msgspec.json.Decoder(_Stored)
_opening = msgspec.json.Decoder(_Opening)
_fields = msgspec.json.Decoder(dict[str, Any])


def hash_matches(before: bytes, line: Line) -> bool:
    """Whether an event's hash is that of its bytes, its number, its time and the event before."""
    return chain_hash(before, line.seq, line.at, line.env) == line.hash


def origin_problem(header: Header, line: Line) -> str:
    """Compares room and app in the header with the first event, which is hashed; empty where they agree."""
    try:
        envelope = decode_line(_stored, line.env)
        if envelope.type not in (ev.RoomOpened.TAG, ev.AppCreated.TAG):
            return ""
        first = decode_line(_opening, envelope.data)
    except MalformedLine:
        return "its envelope can't be read"
    if (first.app, first.room) == (header.app, header.room):
        return ""
    return f"the header names room {header.room!r} of app {header.app}, the first event room {first.room!r} of app {first.app}"


def view_problem(line: Line, texts: TextChecks) -> str:
    """Compares an opened event with its stored bytes; empty where they agree. `texts` compares sealed texts and the user id."""
    try:
        envelope = decode_line(_stored, line.env)
        problem = _content_problem(line, envelope, texts)
    except MalformedLine:
        return "what is shown of it can't be read"
    return problem or texts.user_problem(envelope.actor, line)


def _content_problem(line: Line, envelope: _Stored, texts: TextChecks) -> str:
    sealed = SEALED_FIELDS.get(envelope.type, ())
    if not sealed and not line.salts and line.view in (_NOTHING, envelope.data):
        return ""
    if line.view == _NOTHING:
        texts.count_withheld(envelope.type, _withheld_fields(envelope.data))
        return "salts are given of an event that is not shown" if line.salts else ""
    shown, stored = decode_line(_fields, line.view), decode_line(_fields, envelope.data)
    if not is_canonical(stored | {name: shown.get(name) for name in sealed}, line.view):
        return _spelling_problem(sealed, shown, stored)
    return texts.text_problem(envelope.type, shown, stored, line)


def _withheld_fields(data: msgspec.Raw) -> dict[str, Any]:
    """The fields of an event that is not shown; none where they can't be decoded, which is why it is not shown."""
    try:
        return decode_line(_fields, data)
    except MalformedLine:
        return {}


def _spelling_problem(sealed: tuple[str, ...], shown: dict[str, Any], stored: dict[str, Any]) -> str:
    """Describes the difference where the shown bytes are not those that an export writes for these fields."""
    odd = [name for name, value in shown.items() if name not in sealed and value != stored.get(name)]
    if shown.keys() != stored.keys():
        odd += shown.keys() ^ stored.keys()
    if odd:
        return f"{min(odd)} is shown as {brief(shown.get(min(odd)))}, which is not what was recorded"
    return "what is shown of it is not written as an export writes it: a field is given twice, or is spaced"
