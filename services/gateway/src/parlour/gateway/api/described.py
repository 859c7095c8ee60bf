"""The OpenAPI 3.1 document: paths and parameters from the routes, shapes from the contracts' structs.

A route says what it answers with: `responses=answers(Struct)`, whose JSON Schema goes into the document by its name, `texts(…)` for
another media type, `nothing(…)` for an answer without a body. One that says nothing of it fails the contract's tests.
"""

from typing import Any

import msgspec
from fastapi import FastAPI

from parlour.runtime.http import CONTENT_TYPE, ProblemJson

PUBLIC: dict[str, Any] = {"x-public": True}
"""`openapi_extra` of a route that is for everybody: every other needs a token."""
MEMBER: dict[str, Any] = {"security": [{"bearer": ["member"]}]}
"""`openapi_extra` of a route that takes a token04 only: what it allows is asked by the command behind it."""
REFERENCE = "#/components/schemas/{name}"
TEXT: dict[str, Any] = {"type": "string"}
OCTETS: dict[str, Any] = {"type": "string", "format": "binary"}
NO_BODY = "Done; there is no body"
_SHAPES: dict[str, type[msgspec.Struct]] = {"ProblemJson": ProblemJson}
_PROBLEM = {
    "description": "Refused",
    "content": {CONTENT_TYPE: {"schema": {"$ref": REFERENCE.format(name="ProblemJson")}}},
}

_APP = {
    "name": "app", "in": "query", "required": False, "schema": {"type": "string", "default": ""},
    "description": "The app of a token04, where it is not the server's default one; a subscription token names its own.",
}  # fmt: skip


def answers(
    kind: type[msgspec.Struct] | None = None, *, status: int = 200, also: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: the struct it answers with, and problems."""
    content: dict[str, Any] = {}
    if kind is not None:
        _SHAPES[kind.__name__] = kind
        content["application/json"] = {"schema": {"$ref": REFERENCE.format(name=kind.__name__)}}
    content |= (also or {}).get("content", {})
    return {status: {"description": "Done", "content": content}, "4XX": _PROBLEM, "5XX": _PROBLEM}


def body_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The `openapi_extra` of a route whose request has this struct as its JSON body."""
    _SHAPES[kind.__name__] = kind
    schema = {"$ref": REFERENCE.format(name=kind.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def texts(*media_types: str, status: int = 200, schema: dict[str, Any] = TEXT) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with other than a struct's JSON."""
    return answers(status=status, also={"content": {of.partition(";")[0]: {"schema": schema} for of in media_types}})


def nothing(status: int = 204) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer has no body."""
    return {status: {"description": NO_BODY}, "4XX": _PROBLEM, "5XX": _PROBLEM}


def listed(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of an array of these structs."""
    _SHAPES[kind.__name__] = kind
    return {"type": "array", "items": {"$ref": REFERENCE.format(name=kind.__name__)}}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an application's routes."""
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
            if "security" in operation:
                operation.setdefault("parameters", []).append(_APP)
            operation["responses"] |= {"4XX": _PROBLEM, "5XX": _PROBLEM}
    return made


def _without_blank(answer: dict[str, Any]) -> None:
    """Takes out the JSON of any shape that the framework assumes where a route declares another body, or none."""
    content = answer.get("content", {})
    if content.get("application/json") == {"schema": {}}:
        del content["application/json"]
    if not content:
        answer.pop("content", None)
