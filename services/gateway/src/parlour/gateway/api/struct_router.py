"""Route tables whose handlers take and return structs.

A parameter of a handler whose annotation is a struct is the request's JSON body; it may be missing where the parameter has a default. A
struct that the handler returns is sent as JSON. Both stand in the OpenAPI document by their annotations alone.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, TypeGuard

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from .inputs import decode_body
from .openapi import answers, body_of
from .responses import NO_STORE, json_response


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
