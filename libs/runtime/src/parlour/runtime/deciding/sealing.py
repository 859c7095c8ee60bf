"""Seals events into the bytes that are stored, and opens stored records into the views that readers get.

Personal texts are sealed under their actor's key; an empty text stays empty.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.audiences import audience_of_stored
from parlour.contracts.envelope import Envelope, EventView, decode_envelope
from parlour.contracts.sealed_text import SEALED_FIELDS, owner_of
from parlour.kernel.log import Record
from parlour.kernel.sealing import UserKeyStore
from parlour.kernel.view import MESSAGES

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, msgspec.DecodeError)
"""What opening raises for bytes that are no envelope, do not fit their type, or were sealed for another place."""
Open = Callable[[UserKeyStore, tuple[Record, ...]], Awaitable[tuple[EventView, ...]]]
_UNSAID = msgspec.Raw(b"{}")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


_PERSONAL = {kind: tuple(zip(ev.personal_fields(kind), SEALED_FIELDS[kind.TAG], strict=True)) for kind in ev.ALL}
"""Each personal field by its name here and in the stored JSON, which is also what its sealed text is bound to."""


def actor_of(event: ev.Event) -> str:
    """Returns whom an event is about; empty for nobody."""
    return getattr(event, "actor", "")


def is_person(actor: str) -> bool:
    """Returns whether an actor is a user's random id, and not the name of a service."""
    return len(actor) == 36 and actor.count("-") == 4


def needs_key(event: ev.Event) -> bool:
    """Returns whether the event holds personal text."""
    return any(getattr(event, name) for name, _ in _PERSONAL[type(event)])


def seal_event(people: UserKeyStore, event: ev.Event) -> msgspec.Raw:
    """Returns the event's JSON with personal texts sealed; the actor's key must be loaded."""
    actor = actor_of(event)
    hidden = {
        name: people.seal(actor, f"{event.TAG}/{stored}", text)
        for name, stored in _PERSONAL[type(event)]
        if (text := getattr(event, name))
    }
    return msgspec.Raw(_encode(event if not hidden else msgspec.structs.replace(event, **hidden)))


def open_data(people: UserKeyStore, type_: str, data: msgspec.Raw) -> tuple[msgspec.Raw, bool]:
    """Returns stored JSON with its texts opened, and whether a user in it was erased (their texts are empty then)."""
    names = SEALED_FIELDS.get(type_, ())
    if not names:
        return data, False
    fields: dict[str, Any] = _decode(data)
    erased = False
    for name in names:
        if text := fields.get(name):
            plain = people.open(f"{type_}/{name}", text)
            erased = erased or plain is None
            fields[name] = plain or ""
    return msgspec.Raw(_encode(fields)), erased


async def disclose_texts(
    people: UserKeyStore, records: Sequence[Record], views: Sequence[EventView | None]
) -> tuple[tuple[EventView | None, dict[str, bytes]], ...]:
    """Returns each view with the salts of its texts by field; a user who was erased since the view was made is erased in it."""
    pairs = tuple(zip(records, views, strict=True))
    stored = [decode_envelope(record.env).data if view is not None else _UNSAID for record, view in pairs]
    owners = {owner for (record, _), data in zip(pairs, stored, strict=True) for owner in _owners(record.type, data)}
    await people.load(frozenset(owners))  # no wait behind it: texts and salts go together, or neither
    return tuple(
        (view, {}) if view is None else _with_salts(people, record, data, view)
        for (record, view), data in zip(pairs, stored, strict=True)
    )


def _with_salts(
    people: UserKeyStore, record: Record, data: msgspec.Raw, view: EventView
) -> tuple[EventView, dict[str, bytes]]:
    names = SEALED_FIELDS.get(record.type, ())
    if not names:
        return view, {}
    fields: dict[str, Any] = _decode(data)
    salts = {name: people.salt(f"{record.type}/{name}", text) for name in names if (text := fields.get(name))}
    if None in salts.values() and not view.erased:
        shown, _ = open_data(people, record.type, data)
        view = msgspec.structs.replace(view, data=shown, user_id="", erased=True)
    return view, {name: salt for name, salt in salts.items() if salt}


def build_view(
    record: Record, envelope: Envelope, data: msgspec.Raw, user_ids: Mapping[str, str], *, erased: bool = False
) -> EventView:
    """Builds the view of a record from its opened data."""
    return EventView(
        app=record.log.app, room=record.log.room, room_uid=envelope.room_uid, seq=record.seq, at=record.at,
        hash=record.hash.hex(), prev=record.prev.hex(), type=record.type, data=data,
        audience=int(audience_of_stored(record.type, envelope.data)),
        actor=envelope.actor, user_id=user_ids.get(envelope.actor, ""), command_id=envelope.command_id,
        causation_id=envelope.causation_id, trace_id=envelope.trace_id, version=record.version, erased=erased,
    )  # fmt: skip


async def open_records(people: UserKeyStore, records: Iterable[Record]) -> tuple[EventView, ...]:
    """Returns the views of records, in their order."""
    taken = [(record, decode_envelope(record.env)) for record in records]
    actors = frozenset(envelope.actor for _, envelope in taken if is_person(envelope.actor))
    owners = frozenset(owner for record, envelope in taken for owner in _owners(record.type, envelope.data))
    user_ids = await people.user_ids(actors) if actors else {}
    if owners:
        await people.load(owners)  # the last wait before opening: keys may leave memory later
    views: list[EventView] = []
    for record, envelope in taken:
        data, erased = open_data(people, record.type, envelope.data)
        views.append(build_view(record, envelope, data, user_ids, erased=erased))
    return tuple(views)


async def open_readable(
    open_records: Open, people: UserKeyStore, records: tuple[Record, ...]
) -> tuple[EventView | None, ...]:
    """Returns the views in order, with None for each damaged record: one of them must not hide the others."""
    try:
        return await open_records(people, records)
    except UNREADABLE:
        if len(records) == 1:
            return (None,)
    return tuple([(await open_readable(open_records, people, (record,)))[0] for record in records])


async def open_for_fold(people: UserKeyStore, records: Iterable[Record]) -> tuple[EventView, ...]:
    """Returns views as `open_records` does, but opens no messages: a room's state only counts them."""
    taken = tuple(records)
    told = [record for record in taken if record.type not in MESSAGES]
    opened_views = iter(await open_records(people, told) if told else ())
    return tuple(_counted(record) if record.type in MESSAGES else next(opened_views) for record in taken)


def _counted(record: Record) -> EventView:
    return EventView(
        record.log.app, record.log.room, str(record.log.uid), record.seq, record.at, record.hash.hex(), record.prev.hex(),
        record.type, int(audience_of_stored(record.type, _UNSAID)), _UNSAID,
    )  # fmt: skip


def _owners(type_: str, data: msgspec.Raw) -> set[str]:
    """Returns whose keys the sealed texts of an event need; each text names its owner before the colon."""
    names = SEALED_FIELDS.get(type_, ())
    if not names:
        return set()
    fields: dict[str, Any] = _decode(data)
    return {owner_of(text) for name in names if (text := fields.get(name))}
