"""What this server says about itself: OpenAPI, AsyncAPI, a JSON Schema for each event type, a page for each code."""

import html
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from parlour.contracts.codes import Code, title_of
from parlour.contracts.described import asyncapi, schemas
from parlour.contracts.explanations import explain
from parlour.kernel.rejection import Rejection
from parlour.runtime.http import status_of

from .openapi import PUBLIC, TEXT, texts

JSON, SCHEMA, HTML = "application/json", "application/schema+json", "text/html; charset=utf-8"
HEADERS = {"access-control-allow-origin": "*", "cache-control": "public, max-age=300"}


def routes(openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """The endpoints; `openapi` makes the document of the application that they are part of."""
    router = APIRouter(tags=["descriptions"])

    @cache
    def of_http() -> bytes:
        return msgspec.json.encode(openapi())

    @cache
    def of_events() -> bytes:
        return msgspec.json.encode(asyncapi.document())

    @router.get("/openapi.json", openapi_extra=PUBLIC, responses=texts(JSON, schema=_document("openapi", "paths")))
    async def http() -> Response:
        """This document."""
        return Response(of_http(), media_type=JSON, headers=HEADERS)

    @router.get("/asyncapi.json", openapi_extra=PUBLIC, responses=texts(JSON, schema=_document("asyncapi", "channels")))
    async def events() -> Response:
        """Frames, server-sent events and subjects, as AsyncAPI 3.0."""
        return Response(of_events(), media_type=JSON, headers=HEADERS)

    @router.get(
        "/schemas/{name}", openapi_extra=PUBLIC, responses=texts(SCHEMA, schema=_document("title", "properties"))
    )
    async def schema(name: str) -> Response:
        """The JSON Schema of an event type: `/schemas/room.user_joined.v1.json`."""
        tag = name.removesuffix(".json")
        if schemas.schema_of(tag) is None:
            raise Rejection.of(Code.NOT_FOUND, "there is no such event type", field="type", hint="/asyncapi.json")
        return Response(schemas.file_of(tag), media_type=SCHEMA, headers=HEADERS)

    @router.get("/errors/{code}", openapi_extra=PUBLIC, responses=texts(HTML))
    async def error(code: str) -> Response:
        """What a code means, for people."""
        known = code.isascii() and code.isdigit() and len(code) <= 10 and int(code) in set(map(int, Code))
        if not known:
            raise Rejection.of(Code.NOT_FOUND, "there is no such code", field="code")
        return Response(error_page(int(code)), media_type=HTML, headers=HEADERS)

    return router


def _document(name: str, contents: str) -> dict[str, Any]:
    """The shape of a description: it says which it is, and what it holds by name."""
    return {
        "type": "object",
        "required": [name, contents],
        "properties": {name: TEXT, contents: {"type": "object", "additionalProperties": {"type": "object"}}},
    }


def error_page(code: int) -> str:
    """The page about a code."""
    title = html.escape(title_of(code))
    whose = "one of Parlour's own codes" if code >= OWN else "a code of the vendor's whose SDK Parlour's follows"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{code}: {title}</title><link rel="stylesheet" href="/assets/style.css">'
        f"<main><h1>{code}: {title}</h1><p>{html.escape(explain(code))}</p>"
        f"<p>HTTP status {status_of(code)}. It is {whose}, and never changes its meaning.</p>"
        "<p>In <code>application/problem+json</code>, <code>detail</code> says what happened, <code>field</code> and "
        "<code>limit</code> what it was about, <code>hint</code> the way out.</p></main></html>\n"
    )


OWN = 9_000_000
"""Where Parlour's own codes begin."""
