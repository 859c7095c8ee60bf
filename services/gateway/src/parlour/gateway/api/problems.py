"""Every refusal over HTTP as `application/problem+json`, whoever refused: a rule, a field's limit, or the framework itself."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import Invalid
from parlour.gateway.domain.token_bucket import RateLimited
from parlour.kernel.rejection import Rejection
from parlour.runtime.http import CONTENT_TYPE, problem_json

from .bearer import even_out
from .whip_http import CORS

UNKNOWN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>No such page · Parlour</title><link rel="stylesheet" href="/assets/style.css">
<main><h1>There is no such page</h1><p>Go to <a href="/">the first page</a> of this server.</p></main></html>
"""
"""What a person sees at an address that is none; programs, which do not ask for HTML, get a problem."""


def install(app: FastAPI, routes: Callable[[], Iterable[BaseRoute]]) -> None:
    """Handles what the application's routes raise; `routes` are all of them."""

    async def refused(request: Request, error: Exception) -> Response:
        found = cast("Rejection | Invalid", error).problem
        if found.code == Code.FORBIDDEN:
            await even_out(request)
        answer = problem(found)
        if isinstance(error, RateLimited):
            answer.headers["retry-after"] = str(error.retry_after_s)
        return answer

    async def unfit(request: Request, error: Exception) -> Response:
        return problem(_unfit(cast("RequestValidationError", error).errors()))

    async def unknown(request: Request, error: Exception) -> Response:
        status = cast("HTTPException", error).status_code
        if status == 405:
            return _other_method(request, routes())
        if status == 404 and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return Response(UNKNOWN_PAGE, 404, media_type="text/html")
        return problem(Problem(int(Code.NOT_FOUND), "there is no such endpoint", hint="/openapi.json"), status)

    async def failed(request: Request, error: Exception) -> Response:
        return problem(Problem(int(Code.SERVER_ERROR), "the gateway failed; the fault is in its log", hint="try again"))

    for kind, handler in (
        (Rejection, refused), (Invalid, refused), (RequestValidationError, unfit), (HTTPException, unknown),
        (Exception, failed),
    ):  # fmt: skip
        app.add_exception_handler(kind, handler)


def problem(what: Problem, status: int = 0) -> Response:
    """The answer no, readable for pages of other origins; `status` where it is not the code's own."""
    own, body = problem_json(what, status=status)
    headers = CORS | ({"www-authenticate": "Bearer"} if own == 401 else {})
    return Response(body, own, headers, CONTENT_TYPE)


def _other_method(request: Request, routes: Iterable[BaseRoute]) -> Response:
    """405, with every method that the path takes."""
    methods: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE:
            methods |= route.methods or set()
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    answer = problem(Problem(int(Code.PARAMETER), "this endpoint takes no such method", "method", allowed), 405)
    answer.headers["allow"] = allowed
    return answer


def _unfit(errors: Sequence[Any]) -> Problem:
    """The first of the framework's errors, by the parameter's name."""
    first = errors[0]
    field = str(first["loc"][-1])
    return Problem(int(Code.PARAMETER), f"{field}: {first['msg']}", field)
