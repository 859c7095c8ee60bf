"""What is compared in an export: hashes with bytes, the header with the first event, and what is shown with what is hashed."""

from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import chain_hash
from parlour.contracts.sealed_text import SEALED_FIELDS

from .layout import Header, Line
from .lines import NoLine, parsed, written_plainly
from .text_checks import TextChecks, brief

_NOTHING = msgspec.Raw(b"null")


class _Stored(msgspec.Struct):
    """The parts of an envelope that are compared."""

    type: str
    data: msgspec.Raw
    actor: str = ""


class _First(msgspec.Struct):
    app: int
    room: str = ""


_stored = msgspec.json.Decoder(_Stored)
_first = msgspec.json.Decoder(_First)
_fields = msgspec.json.Decoder(dict[str, Any])


def hash_matches(before: bytes, line: Line) -> bool:
    """Whether an event's hash is that of its bytes, its number, its time and the event before."""
    return chain_hash(before, line.seq, line.at, line.env) == line.hash


def origin_problem(header: Header, line: Line) -> str:
    """What the header says of room and app that the first event, which is hashed, does not say; empty: nothing."""
    try:
        envelope = parsed(_stored, line.env)
        if envelope.type not in (ev.RoomOpened.TAG, ev.AppCreated.TAG):
            return ""
        first = parsed(_first, envelope.data)
    except NoLine:
        return "its envelope can't be read"
    if (first.app, first.room) == (header.app, header.room):
        return ""
    return f"the header names room {header.room!r} of app {header.app}, the first event room {first.room!r} of app {first.app}"


def view_problem(line: Line, texts: TextChecks) -> str:
    """What the opened event shows that its stored bytes do not say; empty: nothing. `texts` compares what is sealed, and the user id."""
    try:
        envelope = parsed(_stored, line.env)
        problem = _data_problem(line, envelope, texts)
    except NoLine:
        return "what is shown of it can't be read"
    return problem or texts.user_problem(envelope.actor, line)


def _data_problem(line: Line, envelope: _Stored, texts: TextChecks) -> str:
    sealed = SEALED_FIELDS.get(envelope.type, ())
    if not sealed and not line.salts and line.view in (_NOTHING, envelope.data):
        return ""
    if line.view == _NOTHING:
        texts.withhold(envelope.type, _withheld(envelope.data))
        return "salts are given of an event that is not shown" if line.salts else ""
    shown, stored = parsed(_fields, line.view), parsed(_fields, envelope.data)
    if not written_plainly(stored | {name: shown.get(name) for name in sealed}, line.view):
        return _plain_problem(sealed, shown, stored)
    return texts.text_problem(envelope.type, shown, stored, line)


def _withheld(data: msgspec.Raw) -> dict[str, Any]:
    """The fields of an event that is not shown; none where they can't be read, which is why it is not shown."""
    try:
        return parsed(_fields, data)
    except NoLine:
        return {}


def _plain_problem(sealed: tuple[str, ...], shown: dict[str, Any], stored: dict[str, Any]) -> str:
    """What was shown where the bytes are not those that an export writes of these fields."""
    odd = [name for name, value in shown.items() if name not in sealed and value != stored.get(name)]
    if shown.keys() != stored.keys():
        odd += shown.keys() ^ stored.keys()
    if odd:
        return f"{min(odd)} is shown as {brief(shown.get(min(odd)))}, which is not what was recorded"
    return "what is shown of it is not written as an export writes it: a field stands there twice, or is spaced"
