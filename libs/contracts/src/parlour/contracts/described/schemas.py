"""One JSON Schema (2020-12) for each event type and version: what stands in an event's `data`, opened."""

from typing import Any

import msgspec

from parlour.contracts import events
from parlour.contracts.described.contract_schema import with_facts

PATH = "/schemas"


def schema_of(tag: str) -> dict[str, Any] | None:
    """The schema of an event type; None for one that this version does not know."""
    kind = events.BY_TAG.get(tag)
    if kind is None:
        return None
    (reference,), components = msgspec.json.schema_components([kind])
    body = components[reference["$ref"].rpartition("/")[2]]
    rest = {name: found for name, found in components.items() if name != kind.__name__}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{PATH}/{tag}.json",
        **with_facts(kind, body),
        "title": tag,
        **({"$defs": rest} if rest else {}),
    }


def file_of(tag: str) -> bytes:
    """The schema as it is committed and served."""
    return msgspec.json.format(msgspec.json.encode(schema_of(tag)), indent=2) + b"\n"
