"""The envelope that is hashed and stored, and the opened view that readers get.

`encode_envelope` makes the record's final bytes: compact JSON with the fields in this order. Stored bytes are never rewritten,
so a field is only ever added at the end, with a default.
"""

import hashlib

import msgspec

from .spelling import wire_name

CHAIN_TAG = b"parlour.ev.1"
GENESIS = bytes(32)
"""The hash before a log's first event."""


class Envelope(msgspec.Struct, frozen=True):
    """One event as stored. `version` is 0 where the aggregate needs no expected version (messages).

    `data` is the event's JSON object with each `Personal` text replaced by its sealed form (see `parlour.kernel.sealing`).
    """

    room_uid: str
    aggregate: str
    version: int
    type: str
    actor: str
    command_id: str
    causation_id: str
    trace_id: str
    data: msgspec.Raw


class EventView(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """An event as readers get it: opened, with the number and hash of the sealed one.

    `at` is unix microseconds; `hash` and `prev` are 64 hexadecimal digits; `user_id` belongs to `actor`, empty when erased or none.
    """

    app: int
    room: str
    room_uid: str
    seq: int
    at: int
    hash: str
    prev: str
    type: str
    audience: int
    data: msgspec.Raw
    actor: str = ""
    user_id: str = ""
    command_id: str = ""
    causation_id: str = ""
    trace_id: str = ""
    version: int = 0
    erased: bool = False


def chain_hash(prev: bytes, seq: int, at: int, env: bytes) -> bytes:
    """`sha256('parlour.ev.1' ‖ prev ‖ seq as int8 ‖ at as int8 microseconds ‖ sha256(env))`, as the append function computes it."""
    digest = hashlib.sha256(env).digest()
    return hashlib.sha256(
        CHAIN_TAG + prev + seq.to_bytes(8, "big", signed=True) + at.to_bytes(8, "big", signed=True) + digest
    ).digest()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def encode_envelope(envelope: Envelope) -> bytes:
    """Returns the bytes that are stored and hashed."""
    return _encoder.encode(envelope)


def decode_envelope(env: bytes) -> Envelope:
    """Returns the envelope of stored bytes; `msgspec.DecodeError` for others."""
    return _decoder.decode(env)
