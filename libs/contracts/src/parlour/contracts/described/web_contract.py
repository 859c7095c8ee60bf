"""The part of the contracts that a browser client needs: codes, limits, frames by their tags, data of events, answers of the record.

`contract_schema.document` publishes it under `client` in `docs/reference/contracts.json`, and `described.typescript` writes the web SDK's
types from it. Shapes carry the names of the tables below, so that renaming a struct changes nothing for those who read the document.
"""

from typing import Any, cast, get_args

import msgspec

from parlour.contracts import client, commands, envelope, events, history, ids, quality, queries
from parlour.contracts.codes import Code, Problem

REFERENCE = "#/client/$defs/{name}"
SHAPES: dict[str, type[msgspec.Struct]] = {
    "Problem": Problem,
    "UserRef": client.UserRef,
    "StreamEntry": client.StreamEntry,
    "ExtraInfoEntry": client.ExtraInfo,
    "MediaSections": commands.MediaSections,
    "Heartbeat": client.Heartbeat,
    "LoginAnswer": client.LoggedIn,
    "ResumeAnswer": client.Resumed,
    "PongAnswer": client.Pong,
    "SubscribeAnswer": client.Subscribed,
    "MediaAnswer": client.Negotiated,
    "MessageAnswer": client.Sent,
    "CommandAnswer": client.Delivered,
    "TokenAnswer": client.Renewed,
    "Answer": client.Res,
    "EventView": envelope.EventView,
    "CallsPage": history.Calls,
    "TimelinePage": history.Timeline,
    "QualityPage": quality.QualitySeries,
    "RoomState": queries.RoomState,
}
"""What is named: parts of frames, answers to requests, and what the record answers over HTTP."""
ANSWERS = {
    "login": "LoginAnswer",
    "resume": "ResumeAnswer",
    "ping": "PongAnswer",
    "subscribe": "SubscribeAnswer",
    "publish": "MediaAnswer",
    "play": "MediaAnswer",
    "restartIce": "MediaAnswer",
    "broadcast": "MessageAnswer",
    "barrage": "MessageAnswer",
    "command": "CommandAnswer",
    "renewToken": "TokenAnswer",
}
"""The answer to a request with this tag, by its name in `SHAPES`; all others are answered by a plain `Answer`."""
LIMITS = {
    "appIDMax": ids.APP_ID_MAX,
    "roomExtraKeyBytes": ids.ROOM_EXTRA_KEY_BYTES,
    "roomExtraValueBytes": ids.ROOM_EXTRA_VALUE_BYTES,
    "commandTargets": ids.COMMAND_TARGETS,
    "roomsPerSession": ids.ROOMS_PER_SESSION,
}


def section() -> dict[str, Any]:
    """The section `client` of the contracts' JSON document, with `$defs` of its own; descriptions stand in the other documents."""
    requests = {_tag(kind): kind for kind in get_args(client.AnyClientFrame)}
    server = {_tag(kind): kind for kind in get_args(client.AnyServerFrame)}
    room_events = {event.TAG: event for event in events.ALL if event.AGGREGATE != "app"}
    kinds = (*SHAPES.values(), *requests.values(), *server.values(), *room_events.values())
    schemas, definitions = msgspec.json.schema_components(kinds, ref_template="{name}")
    found = {kind: schema["$ref"] for kind, schema in zip(kinds, schemas, strict=True)}
    names = {found[kind]: name for name, kind in SHAPES.items()}
    inlined = set(found.values()) - set(names)

    def structure(kind: type[msgspec.Struct]) -> Any:
        return _structure(definitions[found[kind]], names)

    return {
        "subprotocol": client.SUBPROTOCOL,
        "codes": {code.name: int(code) for code in Code},
        "limits": LIMITS,
        "texts": {name: msgspec.to_builtins(rule) for name, rule in ids.TEXTS.items()},
        "requests": {tag: structure(kind) for tag, kind in requests.items()},
        "answers": {tag: {"$ref": REFERENCE.format(name=ANSWERS.get(tag, "Answer"))} for tag in requests},
        "serverFrames": {tag: structure(kind) for tag, kind in server.items()},
        "events": {tag: structure(kind) for tag, kind in room_events.items()},
        "$defs": {
            names.get(name, name): _structure(schema, names)
            for name, schema in sorted(definitions.items(), key=lambda item: names.get(item[0], item[0]))
            if name not in inlined
        },
    }


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _structure(schema: Any, names: dict[str, str]) -> Any:
    """A schema without its descriptions; references lead into the section and use the names of `SHAPES`."""
    if isinstance(schema, list):
        return [_structure(item, names) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", schema).items():
        if key == "$ref":
            found[key] = REFERENCE.format(name=names.get(value, value))
        elif not (key in {"title", "description"} and isinstance(value, str)):
            found[key] = _structure(value, names)
    return found
