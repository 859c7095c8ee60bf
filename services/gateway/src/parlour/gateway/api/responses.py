"""Answers of handlers: a contract's struct as JSON, and every refusal as `application/problem+json`, whether a rule, a field's limit or the
framework refused.
"""

import time
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import Invalid
from parlour.gateway.app.access.token_verifier import pad_refusal
from parlour.gateway.domain.token_bucket import RateLimited
from parlour.kernel.rejection import Rejection
from parlour.runtime.http import CONTENT_TYPE, problem_json

JSON = "application/json"
NO_STORE = {"cache-control": "no-store"}
NO_HEADERS: Mapping[str, str] = {}
ANY_ORIGIN = {"access-control-allow-origin": "*"}
MEDIA_CORS = ANY_ORIGIN | {
    "access-control-allow-methods": "POST, DELETE, PATCH, OPTIONS",
    "access-control-allow-headers": "authorization, content-type, if-match",
    "access-control-expose-headers": "location, etag, link, retry-after",
    "access-control-max-age": "86400",
}
"""What pages of other origins may send to WHIP and WHEP, and read of their answers and of every problem."""
UNKNOWN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>No such page · Parlour</title><link rel="stylesheet" href="/assets/style.css">
<main><h1>There is no such page</h1><p>Go to <a href="/">the first page</a> of this server.</p></main></html>
"""
"""What a person sees at an address that is none; programs, which do not ask for HTML, get a problem."""


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> Response:
    """Encodes a struct as the body of an answer."""
    return Response(msgspec.json.encode(body), status, dict(headers), JSON)


def install(app: FastAPI, routers: tuple[APIRouter, ...]) -> None:
    """Answers what the handlers of these routers raise; called once, when the application is built."""
    app.state.routers = routers
    app.add_exception_handler(Rejection, answer_refusal)
    app.add_exception_handler(Invalid, answer_refusal)
    app.add_exception_handler(RequestValidationError, answer_invalid_parameter)
    app.add_exception_handler(HTTPException, answer_unknown_route)
    app.add_exception_handler(Exception, answer_fault)


async def answer_refusal(request: Request, error: Exception) -> Response:
    """Answers a `Rejection` or `Invalid`; one that forbids takes as long as any other that forbids (see `pad_refusal`)."""
    problem = cast("Rejection | Invalid", error).problem
    if problem.code == Code.FORBIDDEN:
        await pad_refusal(time.monotonic() - getattr(request.state, "began", 0.0))
    answer = problem_response(problem)
    if isinstance(error, RateLimited):
        answer.headers["retry-after"] = str(error.retry_after_s)
    return answer


async def answer_invalid_parameter(_request: Request, error: Exception) -> Response:
    """Answers the first of the framework's errors about parameters, by the parameter's name."""
    first = cast("RequestValidationError", error).errors()[0]
    field = str(first["loc"][-1])
    return problem_response(Problem(int(Code.PARAMETER), f"{field}: {first['msg']}", field))


async def answer_unknown_route(request: Request, error: Exception) -> Response:
    """Answers a path that no route has, or a method that its route does not take."""
    status = cast("HTTPException", error).status_code
    if status == 405:
        return _other_method(request)
    if status == 404 and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return Response(UNKNOWN_PAGE, 404, media_type="text/html")
    return problem_response(Problem(int(Code.NOT_FOUND), "there is no such endpoint", hint="/openapi.json"), status)


async def answer_fault(_request: Request, _error: Exception) -> Response:
    """Answers an error that is ours; the framework raises it again behind this, and `HttpEdge` logs it."""
    problem = Problem(int(Code.SERVER_ERROR), "the gateway failed; the fault is in its log", hint="try again")
    return problem_response(problem)


def problem_response(problem: Problem, status: int = 0, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """Encodes a problem, readable for pages of other origins; `status` where it is not the code's own."""
    own, body = problem_json(problem, status=status)
    challenge = {"www-authenticate": "Bearer"} if own == 401 else {}
    return Response(body, own, {**MEDIA_CORS, **challenge, **headers}, CONTENT_TYPE)


def _other_method(request: Request) -> Response:
    """405, with every method that the path takes."""
    methods: set[str] = set()
    routers = cast("tuple[APIRouter, ...]", request.app.state.routers)
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE:
            methods |= route.methods or set()
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    problem = Problem(int(Code.PARAMETER), "this endpoint takes no such method", "method", allowed)
    answer = problem_response(problem, 405)
    answer.headers["allow"] = allowed
    return answer
