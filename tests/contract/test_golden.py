"""One golden file per stored event tag: these bytes were written once and must be read for ever.

A new event type writes its file by `PARLOUR_WRITE_GOLDEN=1`; an existing file is never written again.
"""

import os
from pathlib import Path

import msgspec
import pytest

from parlour.contracts import envelope, events
from parlour.contracts.described import contract_schema

GOLDEN = Path(__file__).parent / "golden"
UID = "0190a1b2-0000-7000-8000-000000000001"


def _sample(event: type[events.Event]) -> events.Event:
    values = {"int": 7, "bool": True, "tuple": ("b2c3",)}
    kinds = {f.name: str(f.type) for f in msgspec.structs.fields(event)}
    chosen = {n: next((v for k, v in values.items() if k in kind), f"{n}-1") for n, kind in kinds.items()}
    return event(**chosen)


def _envelope(event: type[events.Event]) -> bytes:
    data = msgspec.Raw(msgspec.json.encode(_sample(event)))
    return envelope.encode_envelope(
        envelope.Envelope(UID, event.AGGREGATE, 3, event.TAG, "actor-1", "command-1", "", "trace-1", data)
    )


@pytest.mark.parametrize("event", events.ALL, ids=lambda e: e.TAG)
def test_stored_bytes_are_read_for_ever(event: type[events.Event]) -> None:
    path = GOLDEN / f"{event.TAG}.json"
    if os.environ.get("PARLOUR_WRITE_GOLDEN") and not path.exists():
        path.write_bytes(_envelope(event))
    stored = path.read_bytes()
    read = envelope.decode_envelope(stored)
    assert read.type == event.TAG
    assert msgspec.json.decode(read.data, type=event) == _sample(event)
    assert _envelope(event) == stored, "new fields go to the end with defaults; the bytes of today's events are final"


def test_chain_hash_known_answer() -> None:
    # made with sha256sum over the parts that the layout names
    value = envelope.chain_hash(envelope.GENESIS, 1, 1_700_000_000_000_000, b'{"a":1}')
    assert value.hex() == (GOLDEN / "chain.txt").read_text().strip()


def test_every_event_is_described() -> None:
    described = contract_schema.document()
    assert set(described["events"]) == {event.TAG for event in events.ALL}
    assert described["events"]["room.user_joined.v1"]["sealed"] == ["user_id", "user_name"]
