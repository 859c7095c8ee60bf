"""The AsyncAPI 3.0 document: frames on the WebSocket, the stream of server-sent events, subjects on NATS.

Run as a module it prints the document: `python -m parlour.contracts.described.asyncapi`.
"""

import sys
from typing import Any, get_args

import msgspec

from parlour.contracts import client, queries, subjects
from parlour.contracts.cloudevents import CONTENT_TYPE, CloudEvent
from parlour.contracts.codes import Problem
from parlour.contracts.envelope import EventView

REFERENCE = "#/components/schemas/{name}"
_REPLY = (
    client.RequestRefused, client.LoggedIn, client.Resumed, client.Subscribed, client.Negotiated, client.Sent, client.Delivered,
    client.Renewed, client.Pong,
)  # fmt: skip
_PUSH = (
    client.Ev, client.Skip, client.Snap, client.Page, client.Live, client.HeadAt, client.Resync, client.End, client.MediaGone,
    client.Count, client.Failure, client.Bye,
)  # fmt: skip
_CLIENT: tuple[type[msgspec.Struct], ...] = get_args(client.AnyClientFrame)
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


_SSE = (SseSkip, SseResync, SseEnd)


def document() -> dict[str, Any]:
    """Builds the document from the contracts' types."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlour",
            "version": subjects.VERSION,
            "description": "Rooms, streams and messages as they happen. The rules of order, resuming and skips: docs/protocol.md.",
        },
        "defaultContentType": "application/json",
        "channels": {"websocket": _websocket(), "sse": _sse(), "webhook": _webhook(), **_nats()},
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _websocket() -> dict[str, Any]:
    return {
        "address": "/ws",
        "description": f"Subprotocol {client.SUBPROTOCOL}; one JSON object a frame, type in `t`, at most {client.FRAME_BYTES} bytes.",
        "messages": _references((*_CLIENT, *_REPLY, *_PUSH)),
    }


def _sse() -> dict[str, Any]:
    return {
        "address": "/v1/rooms/{room}/events",
        "description": "With Accept: text/event-stream. Each id is a position; Last-Event-ID goes on behind it. See openapi.json.",
        "parameters": _parameters("room"),
        "messages": _references((EventView, *_SSE)),
    }


def _webhook() -> dict[str, Any]:
    return {
        "description": "POST to the address of an endpoint (`parlour webhooks add`), signed by Standard Webhooks; any 2xx takes it.",
        "messages": _references((CloudEvent,)),
    }


def _nats() -> dict[str, Any]:
    channels: dict[str, Any] = {
        "events": {
            "address": f"{subjects.PREFIX}.{{app}}.evt.{{p}}.{{room}}.{{kind}}",
            "description": "Published after the commit; Nats-Msg-Id is <room_uid>:<seq>. What is missing is asked of `replay`.",
            "parameters": _parameters("app", "p", "room", "kind"),
            "messages": _references((EventView,)),
        },
        "heads": {
            "address": f"{subjects.PREFIX}.head.{{p}}",
            "description": "About once a second for partitions with rooms that changed: a last event that was lost is noticed.",
            "parameters": _parameters("p"),
            "messages": _references((queries.HeadBeacon,)),
        },
    }
    channels["roomHeads"] = {
        "address": f"{subjects.PREFIX}.{{app}}.head.{{p}}.{{room}}",
        "description": "The room's own part of `heads`, for readers outside: their token lets them hear this one.",
        "parameters": _parameters("app", "p", "room"),
        "messages": _references((queries.RoomHead,)),
    }
    for name, kinds in _QUERIES.items():
        channels[f"query_{name}"] = {
            "address": f"{subjects.PREFIX}.{{app}}.qry.{{room}}.{name}",
            "description": "Request and reply.",
            "parameters": _parameters("app", "room"),
            "messages": _references(kinds),
        }
    return channels


def _operations() -> dict[str, Any]:
    told: dict[str, Any] = {
        "frames": _operation("send", "websocket", (*_REPLY, *_PUSH)),
        "requests": _operation("receive", "websocket", _CLIENT),
        "stream": _operation("send", "sse", (EventView, *_SSE)),
        "publishEvents": _operation("send", "events", (EventView,)),
        "publishHeads": _operation("send", "heads", (queries.HeadBeacon,)),
        "publishRoomHeads": _operation("send", "roomHeads", (queries.RoomHead,)),
        "deliver": _operation("send", "webhook", (CloudEvent,)),
    }
    for name, (question, answer) in _QUERIES.items():
        asked = _operation("receive", f"query_{name}", (question,))
        channel = {"$ref": f"#/channels/query_{name}"}
        told[f"answer_{name}"] = asked | {
            "reply": {"channel": channel, "messages": _in_channel(f"query_{name}", (answer,))}
        }
    return told


def _operation(action: str, channel: str, kinds: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "messages": _in_channel(channel, kinds)}


def _in_channel(channel: str, kinds: tuple[type[msgspec.Struct], ...]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{kind.__name__}"} for kind in kinds]


def _references(kinds: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    return {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds}


def _parameters(*names: str) -> dict[str, Any]:
    return {name: {"description": _PARAMETERS[name]} for name in names}


def _kinds() -> tuple[type[msgspec.Struct], ...]:
    asked = [kind for kinds in _QUERIES.values() for kind in kinds]
    return (*_CLIENT, *_REPLY, *_PUSH, *_SSE, EventView, CloudEvent, queries.HeadBeacon, queries.RoomHead, *asked)


def _messages() -> dict[str, Any]:
    return {
        kind.__name__: {
            "name": str(kind.__struct_config__.tag or kind.__name__),
            "summary": " ".join((kind.__doc__ or "").split()),
            "payload": {"$ref": REFERENCE.format(name=kind.__name__)},
        }
        | ({"contentType": CONTENT_TYPE} if kind is CloudEvent else {})
        for kind in _kinds()
    }


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_kinds(), ref_template=REFERENCE)
    return dict(sorted(components.items()))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n")
