"""The OpenAPI 3.1 document: paths and parameters from the routes, shapes from the contracts' structs.

A route declares its answers: `responses=answers(Struct)`, whose JSON Schema goes into the document under its name, `texts(…)` for another
media type, `nothing(…)` for an answer without a body. It declares a body that it reads by `body_of(Struct)`, and a parameter that it reads
from the request itself by `parameter(…)`. Contract tests fail for a route that declares too little, and for what an OpenAPI linter refuses.
"""

from typing import Any, Literal

import msgspec
from fastapi import FastAPI

from parlour.runtime.http import CONTENT_TYPE, ProblemJson

PUBLIC: dict[str, Any] = {"x-public": True, "security": []}
"""`openapi_extra` of a public route; every other route needs a token."""
MEMBER: dict[str, Any] = {"security": [{"bearer": ["member"]}]}
"""`openapi_extra` of a route that takes a token04 only, which the command that it sends verifies."""
REFERENCE = "#/components/schemas/{name}"
TEXT: dict[str, Any] = {"type": "string"}
OCTETS: dict[str, Any] = {"type": "string", "format": "binary"}
NO_BODY = "Done; there is no body"
_SHAPES: dict[str, type[msgspec.Struct]] = {"ProblemJson": ProblemJson}
_PROBLEM = {
    "description": "Refused",
    "content": {CONTENT_TYPE: {"schema": {"$ref": REFERENCE.format(name="ProblemJson")}}},
}

ABOUT: dict[str, Any] = {
    "summary": "Rooms, streams and messages on the record, over HTTP.",
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "The gateway that serves this document"}],
}
"""The document's fields about the application as a whole."""
DESCRIPTIONS = {
    "after": "The `next` of the page before; empty or 0: from the beginning.",
    "app": "The app of a token04, where it is not the server's default one; a subscription token names its own.",
    "at": "An event's number or a time (RFC 3339; UTC where it names no zone); empty: the end.",
    "before": "The `next` of the page before; 0: from the newest.",
    "code": "An error code, as in the field `code` of a problem.",
    "cursor": "The `next` of the page before; empty: the first page.",
    "failed": "Only attempts that did not arrive.",
    "from": "The earlier moment: a time (RFC 3339; UTC where it names no zone) or, of one call, an event's number; empty: the beginning.",
    "kind": "`whip` or `whep`.",
    "limit": "Rows in one page.",
    "name": "The file of an event type: its name and `.json`.",
    "path": "A tile's path as C2SP's tlog-tiles has it, such as `0/000` or `0/000.p/17`.",
    "resource_id": "The resource, as in the `Location` of the answer that made it.",
    "room": "The room's id; in a path encoded: letters, digits, `_` and `-` stay, every other byte is `=XX`.",
    "room_uid": "A call of the room: its roomUID.",
    "size": "How many heads the signed tree has.",
    "stream": "Only this stream.",
    "stream_id": "The stream's id.",
    "to": "The later moment, spelled as `from`; empty: the end.",
    "user": "The user's id; in a path encoded as a room's.",
    "webhook": "The webhook's id.",
    "Idempotency-Key": "Any text: a command that is sent again with it within a day is done once.",
}
"""Descriptions of parameters that mean the same in every route; a route may give its own."""


def answers(
    kind: type[msgspec.Struct] | None = None, *, status: int = 200, also: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Returns the `responses` of a route: the struct that it answers with, and problems."""
    content: dict[str, Any] = {}
    if kind is not None:
        _SHAPES[kind.__name__] = kind
        content["application/json"] = {"schema": {"$ref": REFERENCE.format(name=kind.__name__)}}
    content |= (also or {}).get("content", {})
    return {status: {"description": "Done", "content": content}, "4XX": _PROBLEM, "5XX": _PROBLEM}


def body_of(kind: type[msgspec.Struct], *, required: bool = True) -> dict[str, Any]:
    """Returns the `openapi_extra` of a route whose request has this struct as its JSON body."""
    _SHAPES[kind.__name__] = kind
    schema = {"$ref": REFERENCE.format(name=kind.__name__)}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def parameter(name: str, where: Literal["query", "header"], description: str) -> dict[str, Any]:
    """Describes a parameter that a route reads from the request itself, for `parameters` in its `openapi_extra`."""
    return {"name": name, "in": where, "required": False, "schema": {"type": "string"}, "description": description}


def texts(*media_types: str, status: int = 200, schema: dict[str, Any] = TEXT) -> dict[int | str, dict[str, Any]]:
    """Returns the `responses` of a route that answers with other media types than a struct's JSON."""
    return answers(status=status, also={"content": {of.partition(";")[0]: {"schema": schema} for of in media_types}})


def nothing(status: int = 204) -> dict[int | str, dict[str, Any]]:
    """Returns the `responses` of a route whose answer has no body."""
    return {status: {"description": NO_BODY}, "4XX": _PROBLEM, "5XX": _PROBLEM}


def listed(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns the schema of an array of these structs."""
    _SHAPES[kind.__name__] = kind
    return {"type": "array", "items": {"$ref": REFERENCE.format(name=kind.__name__)}}


def document(app: FastAPI) -> dict[str, Any]:
    """Builds the document of an application's routes."""
    made = app.openapi()
    shapes = sorted(_SHAPES)
    found, components = msgspec.json.schema_components([_SHAPES[name] for name in shapes], ref_template=REFERENCE)
    del found
    schemas: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    for path in made["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            for answer in operation["responses"].values():
                _without_blank(answer)
            if operation.get("security"):
                app_of_token = {
                    "name": "app",
                    "in": "query",
                    "required": False,
                    "schema": {"type": "string", "default": ""},
                }
                operation.setdefault("parameters", []).append(app_of_token)
            for each in operation.get("parameters", []):
                each.setdefault("description", DESCRIPTIONS.get(each["name"], ""))
            operation["responses"] |= {"4XX": _PROBLEM, "5XX": _PROBLEM}
    return made


def _without_blank(answer: dict[str, Any]) -> None:
    """Removes the JSON of any shape that FastAPI assumes where a route declares another body, or none."""
    content = answer.get("content", {})
    if content.get("application/json") == {"schema": {}}:
        del content["application/json"]
    if not content:
        answer.pop("content", None)
