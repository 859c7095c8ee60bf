"""Route tables, and the OpenAPI 3.1 document: paths and parameters from the routes, shapes from the contracts' structs.

A handler of a `StructRouter` declares its body and its answer by its annotations: a parameter that is a struct is the request's JSON body,
which may be missing where the parameter has a default; a struct that it returns is sent as JSON. Other answers are declared by
`responses=texts(…)` for another media type, `nothing(…)` for an answer without a body, `answers(Struct, …)` for several, and a parameter
that is read from the request itself by `parameter(…)`. Contract tests fail for a route that declares too little, and for what an OpenAPI
linter refuses.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Literal, TypeGuard

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from parlour.runtime.http import CONTENT_TYPE, ProblemJson

from .inputs import decode_body
from .responses import NO_STORE, json_response

PUBLIC: dict[str, Any] = {"x-public": True, "security": []}
"""`openapi_extra` of a public route; every other route needs a token."""
MEMBER: dict[str, Any] = {"security": [{"bearer": ["member"]}]}
"""`openapi_extra` of a route that takes a token04 only, which the command that it sends verifies."""
REFERENCE = "#/components/schemas/{name}"
TEXT: dict[str, Any] = {"type": "string"}
OCTETS: dict[str, Any] = {"type": "string", "format": "binary"}
NO_BODY = "Done; there is no body"
_SHAPES: dict[str, type[msgspec.Struct]] = {}


def _reference(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns a reference to the schema of a struct, which the document has from now on."""
    _SHAPES[kind.__name__] = kind
    return {"$ref": REFERENCE.format(name=kind.__name__)}


_PROBLEM = {"description": "Refused", "content": {CONTENT_TYPE: {"schema": _reference(ProblemJson)}}}
_APP_OF_TOKEN = {"name": "app", "in": "query", "required": False, "schema": {"type": "string", "default": ""}}

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
        content["application/json"] = {"schema": _reference(kind)}
    content |= (also or {}).get("content", {})
    return {status: {"description": "Done", "content": content}, "4XX": _PROBLEM, "5XX": _PROBLEM}


def body_of(kind: type[msgspec.Struct], *, required: bool = True) -> dict[str, Any]:
    """Returns the `openapi_extra` of a route whose request has this struct as its JSON body."""
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": _reference(kind)}}}}


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
    return {"type": "array", "items": _reference(kind)}


def document(app: FastAPI) -> dict[str, Any]:
    """Builds the document of an application's routes."""
    made = app.openapi()
    _, components = msgspec.json.schema_components(_SHAPES.values(), ref_template=REFERENCE)
    made["components"]["schemas"] = dict(sorted(components.items()))
    for path in made["paths"].values():
        for operation in path.values():
            if operation.get("security"):
                operation.setdefault("parameters", []).append({**_APP_OF_TOKEN})
            for each in operation.get("parameters", []):
                each.setdefault("description", DESCRIPTIONS.get(each["name"], ""))
    return made


class StructRouter(APIRouter):
    """A route table; `headers` are those of its JSON answers."""

    def __init__(self, *, headers: Mapping[str, str] = NO_STORE, **options: Any) -> None:
        super().__init__(**options)
        self._headers = headers

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Adds a handler. The framework sees a dependency in the place of its body, and a `Response` in the place of its struct."""
        signature, status = inspect.signature(endpoint), options["status_code"] or 200
        parameters = [one.replace(kind=one.KEYWORD_ONLY) for one in signature.parameters.values()]
        for at, parameter in enumerate(parameters):
            kind, required = parameter.annotation, parameter.default is parameter.empty
            if _is_struct(kind):
                parameters[at] = parameter.replace(default=Depends(_body_reader(kind, required)))
                options["openapi_extra"] = (options["openapi_extra"] or {}) | body_of(kind, required=required)
        if _is_struct(signature.return_annotation):
            options["responses"] = answers(signature.return_annotation, status=status)

        @wraps(endpoint)
        async def handler(**inputs: Any) -> Response:
            answer = await endpoint(**inputs)
            return json_response(answer, status, self._headers) if isinstance(answer, msgspec.Struct) else answer

        vars(handler)["__signature__"] = inspect.Signature(parameters)
        super().add_api_route(path, handler, **options)


def _is_struct(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return inspect.isclass(kind) and issubclass(kind, msgspec.Struct)


def _body_reader(kind: type[msgspec.Struct], required: bool) -> Callable[[Request], Awaitable[msgspec.Struct]]:
    async def read_body(request: Request) -> msgspec.Struct:
        return decode_body(await request.body() or (b"" if required else b"{}"), kind)

    return read_body
