"""JSON Schema of everything that leaves a service, generated from the structs: the reference that clients and auditors read.

Run as a module it prints the document: `python -m parlour.contracts.described.contract_schema`.
"""

import sys
from typing import Any

import msgspec

from parlour.contracts import envelope, events, history, quality, queries

from . import web_contract

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
    """One JSON Schema (2020-12) document; events under their stored tags, everything else by its name."""
    by_event, of_events = msgspec.json.schema_components(events.ALL, ref_template="#/$defs/{name}")
    by_type, of_types = msgspec.json.schema_components(_OUTSIDE, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Parlour contracts",
        "events": {event.TAG: with_facts(event, schema) for event, schema in zip(events.ALL, by_event, strict=True)},
        "types": {kind.__name__: schema for kind, schema in zip(_OUTSIDE, by_type, strict=True)},
        "$defs": dict(sorted({**of_events, **of_types}.items())),
        "client": web_contract.section(),
    }


def with_facts(event: type[events.Event], schema: dict[str, Any]) -> dict[str, Any]:
    """An event's schema with what JSON Schema has no word for: its aggregate, its readers, its sealed fields."""
    return {
        **schema,
        "aggregate": event.AGGREGATE,
        "audience": event.AUDIENCE.name.lower(),
        "sealed": list(events.personal_fields(event)),
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n")
