"""The files that are written from the contracts; `parlour.cli.contract_files` puts them into a checkout."""

from typing import Any

import msgspec

from parlour.contracts import events

from . import asyncapi, contract_schema, reference, typescript

REFERENCE = "docs/reference"


def contents() -> dict[str, bytes]:
    """Returns each file's content by its path below the checkout."""
    return {
        f"{REFERENCE}/events.md": reference.events_page().encode(),
        f"{REFERENCE}/codes.md": reference.codes_page().encode(),
        f"{REFERENCE}/contracts.json": indented_json(contract_schema.document()),
        f"{REFERENCE}/asyncapi.json": indented_json(asyncapi.document()),
        **{
            f"{REFERENCE}/schemas/{tag}.json": indented_json(contract_schema.event_schema(tag)) for tag in events.BY_TAG
        },
        "libs/sdk-web/src/generated/contract.ts": typescript.module().encode(),
    }


def indented_json(document: Any) -> bytes:
    """Returns a document as it is committed and served."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
