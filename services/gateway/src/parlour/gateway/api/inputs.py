"""What handlers get: who sends the request, objects of the application, and ids, numbers and bodies, decoded or refused.

A handler names an object by its type, `history: Annotated[CallHistory, injected(CallHistory)]`; a test calls the handler with another one.
It declares the scope of its token in the same way, `grant: Annotated[Subscription, BEARER.needs("events")]`. So the scope stands in the
OpenAPI document, and the tests that ask every endpoint as a stranger find it there. `{room}` in a path is an encoded id and is checked as
well. What is refused is refused by the name of the field that is wrong.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, TypeVar, cast

import msgspec
from fastapi import Depends, FastAPI, Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_id, invalid
from parlour.contracts.subjects import decode_id
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.access.token_verifier import TokenVerifier
from parlour.gateway.domain.addresses import is_loopback, without_port
from parlour.gateway.settings import GatewaySettings
from parlour.kernel.rejection import Rejection

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
ENCODING_HINT = "letters, digits, _ and - stay; every other byte is =XX in capital hexadecimal digits"


def provide(app: FastAPI, objects: Mapping[type[Any], Any]) -> None:
    """Hands the objects to the handlers of `app`, each under the type that they ask for; called once, before it serves."""
    app.state.objects = objects


def find(request: Request, kind: type[T]) -> T:
    """Returns the object of this type that `provide` was given."""
    return cast("T", request.app.state.objects[kind])


def injected(kind: type[T]) -> Any:
    """Returns the default of a handler's parameter that gets the object of this type."""

    async def dependency(request: Request) -> T:
        return find(request, kind)

    return Depends(dependency)


Settings = Annotated[GatewaySettings, injected(GatewaySettings)]
"""The gateway's settings, as a parameter of a handler."""


def decode_room(encoded: str) -> str:
    """Decodes the room id in a path. `Rejection` or `Invalid` where it is none."""
    return check_room_id(decode_path_id(encoded, "room"))


def decode_path_id(encoded: str, field: str) -> str:
    """Decodes an id in a path. `Rejection` where it is not encoded."""
    try:
        return decode_id(encoded)
    except ValueError:
        raise Rejection(
            Code.PARAMETER, f"the {field} in the path is not an encoded id", field=field, hint=ENCODING_HINT
        ) from None


def parse_count(text: str, most: int, field: str = "limit") -> int:
    """Parses a whole number from 1 to `most`. `Invalid` for any other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))) or not 1 <= int(text) <= most:
        raise invalid(Code.PARAMETER, field, f"{field} is {text[:20]!r}", limit=f"1..{most}")
    return int(text)


def decode_body(raw: bytes, kind: type[S]) -> S:
    """Decodes a JSON body. `Rejection` where it is no JSON, no UTF-8, has a field of another type or a NUL character in a text."""
    try:
        body = msgspec.json.decode(raw.decode(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejection(Code.PARAMETER, str(error), field="body", hint="see /openapi.json") from None
    if b"u0000" in raw and (field := _field_with_nul(msgspec.to_builtins(body))) is not None:
        raise Rejection(Code.PARAMETER, "a text holds a NUL character", field=field or "body")
    return body


def decode_text(raw: bytes) -> str:
    """Decodes a body that is text. `Rejection` where it is not UTF-8 or holds a NUL character, which is in no SDP."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Rejection(Code.PARAMETER, str(error), field="body", hint="send it as UTF-8") from None
    if "\0" in text:
        raise Rejection(Code.PARAMETER, "the body holds a NUL character", field="body")
    return text


def _field_with_nul(value: Any, field: str = "") -> str | None:
    """The name of the first field whose text holds a NUL character, which Postgres stores in no text."""
    if isinstance(value, str):
        return field if "\0" in value else None
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return next((name for one, of in items if (name := _field_with_nul(of, one)) is not None), None)
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return next((name for of in parts if (name := _field_with_nul(of, field)) is not None), None)
    return None


class Bearer(SecurityBase):
    """Verifies the bearer token of a request: the dependency of every endpoint that is not for everybody."""

    model = HTTPBearer(bearerFormat="subscription token (JWT) or token04")
    scheme_name = "bearer"

    def needs(self, scope: str) -> Any:
        """Returns the default of a parameter that gets the verified `Subscription`."""
        return Security(self, scopes=[scope])

    def needs_slot(self, scope: str) -> Any:
        """As `needs`, for an endpoint that asks the record: each request is counted against its token's rate and its app's slots."""

        needed = self.needs(scope)

        async def admitted(request: Request, grant: Subscription = needed) -> AsyncGenerator[Subscription]:
            limiter = find(request, RequestLimiter)
            limiter.check_rate(grant)
            with limiter.query_slot(grant):
                yield grant

        return Depends(admitted, scope="function")

    async def __call__(self, request: Request, scopes: SecurityScopes) -> Subscription:
        """Returns what the token grants; `Rejection` with 401 without a valid token, with 403 where it does not allow this."""
        request.state.began = time.monotonic()
        token, app = bearer_token(request), request.query_params.get("app", "")
        address, verifier = client_address(request), find(request, TokenVerifier)
        grant = await verifier.verify(token, app, address)
        encoded = request.path_params.get("room")
        room = decode_room(encoded) if isinstance(encoded, str) else ""
        for scope in scopes.scopes:
            grant = await verifier.authorize(token, app, scope, room, address)
        return grant


BEARER = Bearer()


def client_address(request: Request) -> str:
    """Returns the client's IP address; behind a trusted proxy, the one that the proxy reports."""
    return request.client.host if request.client else ""


def bearer_token(request: Request) -> str:
    """Returns the token of the `Authorization` header; `Rejection` where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Rejection(
            Code.TOKEN_FORMAT, "no bearer token", field="Authorization", hint="Authorization: Bearer <token>"
        )
    return token.strip()


def is_local(request: Request) -> bool:
    """Tells whether the peer is on loopback, no proxy is between, `Host` names this machine, and `Origin`, if there is one, is the same.

    The socket alone does not tell. A page of any site can make its own name point to 127.0.0.1 (DNS rebinding); its requests come over
    loopback with its own `Host` and `Origin`. Requests that a proxy on this machine forwards come over loopback too.
    """
    host = request.headers.get("host", "").lower()
    origin = request.headers.get("origin")
    return (
        is_loopback(client_address(request))
        and not any(name in request.headers for name in _PROXIED)
        and without_port(host) in LOCAL_HOSTS
        and (origin is None or origin.lower() == f"{request.url.scheme}://{host}")
    )
