"""What this server says about itself: OpenAPI, AsyncAPI, a JSON Schema for each event type, a page for each code."""

import html
from functools import cache
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from parlour.contracts.codes import Code, title_of
from parlour.contracts.described import asyncapi
from parlour.contracts.described.contract_schema import event_schema
from parlour.contracts.described.files import indented_json
from parlour.kernel.rejection import Rejection
from parlour.runtime.http import status_of

from .openapi import PUBLIC, TEXT, document, texts
from .responses import ANY_ORIGIN, JSON

SCHEMA, HTML = "application/schema+json", "text/html; charset=utf-8"
HEADERS = ANY_ORIGIN | {"cache-control": "public, max-age=300"}
OWN_CODES_FROM = 9_000_000
"""Where Parlour's own codes begin; those below are the vendor's whose SDK ours follows."""
router = APIRouter(tags=["descriptions"])


def _shape(name: str, contents: str) -> dict[str, Any]:
    """The shape of a description: it says which it is, and what it holds by name."""
    return {
        "type": "object",
        "required": [name, contents],
        "properties": {name: TEXT, contents: {"type": "object", "additionalProperties": {"type": "object"}}},
    }


@router.get("/openapi.json", openapi_extra=PUBLIC, responses=texts(JSON, schema=_shape("openapi", "paths")))
async def http(request: Request) -> Response:
    """The OpenAPI document of this server."""
    state = request.app.state
    if not hasattr(state, "openapi_json"):
        state.openapi_json = msgspec.json.encode(document(request.app))
    return Response(state.openapi_json, media_type=JSON, headers=HEADERS)


@router.get("/asyncapi.json", openapi_extra=PUBLIC, responses=texts(JSON, schema=_shape("asyncapi", "channels")))
async def events() -> Response:
    """Frames, server-sent events and subjects, as AsyncAPI 3.0."""
    return Response(_asyncapi_json(), media_type=JSON, headers=HEADERS)


@router.get("/schemas/{name}", openapi_extra=PUBLIC, responses=texts(SCHEMA, schema=_shape("title", "properties")))
async def schema(name: str) -> Response:
    """The JSON Schema of an event type: `/schemas/room.user_joined.v1.json`."""
    found = event_schema(name.removesuffix(".json"))
    if found is None:
        raise Rejection(Code.NOT_FOUND, "there is no such event type", field="type", hint="/asyncapi.json")
    return Response(indented_json(found), media_type=SCHEMA, headers=HEADERS)


@router.get("/errors/{code}", openapi_extra=PUBLIC, responses=texts(HTML))
async def error(code: str) -> Response:
    """The page that explains an error code to people."""
    known = code.isascii() and code.isdigit() and len(code) <= 10 and int(code) in set(map(int, Code))
    if not known:
        raise Rejection(Code.NOT_FOUND, "there is no such code", field="code")
    return Response(error_page(int(code)), media_type=HTML, headers=HEADERS)


def error_page(code: int) -> str:
    """Writes the HTML page about a code."""
    title = html.escape(title_of(code))
    whose = (
        "one of Parlour's own codes" if code >= OWN_CODES_FROM else "a code of the vendor's whose SDK Parlour's follows"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{code}: {title}</title><link rel="stylesheet" href="/assets/style.css">'
        f"<main><h1>{code}: {title}</h1><p>{html.escape(Code(code).explanation)}</p>"
        f"<p>HTTP status {status_of(code)}. It is {whose}, and never changes its meaning.</p>"
        "<p>In <code>application/problem+json</code>, <code>detail</code> says what happened, <code>field</code> and "
        "<code>limit</code> what it was about, <code>hint</code> the way out.</p></main></html>\n"
    )


@cache
def _asyncapi_json() -> bytes:
    return msgspec.json.encode(asyncapi.document())
