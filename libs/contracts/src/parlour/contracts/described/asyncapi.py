"""The AsyncAPI 3.0 document: frames on the WebSocket, the stream of server-sent events, subjects on NATS."""

import re
from typing import Any, get_args

import msgspec

from parlour.contracts import client, queries, subjects
from parlour.contracts.cloudevents import CONTENT_TYPE, CloudEvent
from parlour.contracts.codes import Problem
from parlour.contracts.envelope import EventView


class SseSkip(msgspec.Struct, frozen=True, rename={"first": "from"}):
    """Server-sent `skip`: events of one call that are not for this reader; `pos` is the place after them."""

    first: int
    to: int
    pos: str


class SseResync(msgspec.Struct, frozen=True):
    """Server-sent `resync`: the reader's place is not in this history; it goes on from `pos`, with the state as of there."""

    reason: str
    pos: str


class SseEnd(Problem, frozen=True):
    """Server-sent `end`: the stream is over for this token, as the code says, and what is opened again with it is refused."""


_Kinds = tuple[type[msgspec.Struct], ...]
REFERENCE = "#/components/schemas/{name}"
_REQUESTS: _Kinds = get_args(client.AnyClientFrame)
_FRAMES: _Kinds = (*get_args(client.AnyAnswer), *get_args(client.AnyServerFrame))
_SSE: _Kinds = (EventView, SseSkip, SseResync, SseEnd)
_QUERIES = {
    "head": (queries.HeadQuery, queries.Head),
    "replay": (queries.ReplayQuery, queries.Replay),
    "snapshot": (queries.SnapshotQuery, queries.Snapshot),
}
_PARAMETERS = {
    "app": "the application's id",
    "p": "the room's partition, 0 to 255: FNV-1a-32 of app and encoded room, modulo 256",
    "room": "the room's id, encoded: letters, digits, _ and - stay, every other byte is =XX",
    "kind": "the event's aggregate: room, streams, im",
}
_CHANNELS: dict[str, tuple[str, str, _Kinds]] = {
    "websocket": (
        "/ws",
        f"Subprotocol {client.SUBPROTOCOL}; one JSON object a frame, type in `t`, at most {client.FRAME_BYTES} bytes.",
        (*_REQUESTS, *_FRAMES),
    ),
    "sse": (
        "/v1/rooms/{room}/events",
        "With Accept: text/event-stream. Each id is a position; Last-Event-ID goes on behind it. See openapi.json.",
        _SSE,
    ),
    "webhook": (
        "",
        "POST to the address of an endpoint (`parlour webhooks add`), signed by Standard Webhooks; any 2xx takes it.",
        (CloudEvent,),
    ),
    "events": (
        f"{subjects.PREFIX}.{{app}}.evt.{{p}}.{{room}}.{{kind}}",
        "Published after the commit; Nats-Msg-Id is <room_uid>:<seq>. What is missing is asked of `replay`.",
        (EventView,),
    ),
    "heads": (
        f"{subjects.PREFIX}.head.{{p}}",
        "About once a second for partitions with rooms that changed: a last event that was lost is noticed.",
        (queries.HeadBeacon,),
    ),
    "roomHeads": (
        f"{subjects.PREFIX}.{{app}}.head.{{p}}.{{room}}",
        "The room's own part of `heads`, for readers outside: their token lets them hear this one.",
        (queries.RoomHead,),
    ),
    **{
        f"query_{name}": (f"{subjects.PREFIX}.{{app}}.qry.{{room}}.{name}", "Request and reply.", kinds)
        for name, kinds in _QUERIES.items()
    },
}
"""Each channel's address (empty where none is fixed), what it is, and what travels on it."""
_OPERATIONS: dict[str, tuple[str, str, _Kinds]] = {
    "frames": ("send", "websocket", _FRAMES),
    "requests": ("receive", "websocket", _REQUESTS),
    "stream": ("send", "sse", _SSE),
    "publishEvents": ("send", "events", (EventView,)),
    "publishHeads": ("send", "heads", (queries.HeadBeacon,)),
    "publishRoomHeads": ("send", "roomHeads", (queries.RoomHead,)),
    "deliver": ("send", "webhook", (CloudEvent,)),
}


def document() -> dict[str, Any]:
    """Builds the document from the contracts' types."""
    kinds = tuple(dict.fromkeys(kind for _, _, kinds in _CHANNELS.values() for kind in kinds))
    _, schemas = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlour",
            "version": subjects.VERSION,
            "description": "Rooms, streams and messages as they happen. The rules of order, resuming and skips: docs/protocol.md.",
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(*channel) for name, channel in _CHANNELS.items()},
        "operations": {
            **{name: _operation(*operation) for name, operation in _OPERATIONS.items()},
            **{f"answer_{name}": _query(f"query_{name}", *kinds) for name, kinds in _QUERIES.items()},
        },
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in kinds},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _channel(address: str, description: str, kinds: _Kinds) -> dict[str, Any]:
    parameters = {name: {"description": _PARAMETERS[name]} for name in re.findall(r"{(\w+)}", address)}
    return {
        **({"address": address} if address else {}),
        "description": description,
        **({"parameters": parameters} if parameters else {}),
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds},
    }


def _operation(action: str, channel: str, kinds: _Kinds) -> dict[str, Any]:
    return {"action": action, **_messages_on(channel, kinds)}


def _query(channel: str, question: type[msgspec.Struct], answer: type[msgspec.Struct]) -> dict[str, Any]:
    return _operation("receive", channel, (question,)) | {"reply": _messages_on(channel, (answer,))}


def _messages_on(channel: str, kinds: _Kinds) -> dict[str, Any]:
    at = f"#/channels/{channel}"
    return {"channel": {"$ref": at}, "messages": [{"$ref": f"{at}/messages/{kind.__name__}"} for kind in kinds]}


def _message(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": str(kind.__struct_config__.tag or kind.__name__),
        "summary": " ".join((kind.__doc__ or "").split()),
        "payload": {"$ref": REFERENCE.format(name=kind.__name__)},
        **({"contentType": CONTENT_TYPE} if kind is CloudEvent else {}),
    }
