"""JSON Schemas (2020-12) of everything that leaves a service, generated from the structs: the reference that clients and auditors read."""

from typing import Any

import msgspec

from parlour.contracts import envelope, events, history, quality, queries

from . import web_contract

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OUTSIDE: tuple[type[msgspec.Struct], ...] = (
    envelope.Envelope,
    envelope.EventView,
    queries.Head,
    queries.Replay,
    queries.RoomState,
    queries.HeadBeacon,
    queries.Presence,
    history.Calls,
    history.OneCall,
    history.Timeline,
    history.Views,
    history.StateDifference,
    quality.QualitySeries,
    history.History,
)


def document() -> dict[str, Any]:
    """Returns one document of all: events under their stored tags, everything else by its name."""
    by_event, of_events = msgspec.json.schema_components(events.ALL, ref_template="#/$defs/{name}")
    by_type, of_types = msgspec.json.schema_components(_OUTSIDE, ref_template="#/$defs/{name}")
    return {
        "$schema": _DIALECT,
        "title": "Parlour contracts",
        "events": {event.TAG: _with_facts(event, schema) for event, schema in zip(events.ALL, by_event, strict=True)},
        "types": {kind.__name__: schema for kind, schema in zip(_OUTSIDE, by_type, strict=True)},
        "$defs": dict(sorted({**of_events, **of_types}.items())),
        "client": web_contract.section(),
    }


def event_schema(tag: str) -> dict[str, Any] | None:
    """Returns the schema of one event type's `data`, opened; None for a type that this version does not know."""
    kind = events.BY_TAG.get(tag)
    if kind is None:
        return None
    _, components = msgspec.json.schema_components([kind])
    body = components.pop(kind.__name__)
    head = {"$schema": _DIALECT, "$id": f"/schemas/{tag}.json", **_with_facts(kind, body), "title": tag}
    return head | ({"$defs": components} if components else {})


def _with_facts(event: type[events.Event], schema: dict[str, Any]) -> dict[str, Any]:
    """An event's schema with what JSON Schema has no word for: its aggregate, its readers, its sealed fields."""
    return {
        **schema,
        "aggregate": event.AGGREGATE,
        "audience": event.AUDIENCE.name.lower(),
        "sealed": list(events.personal_fields(event)),
    }
