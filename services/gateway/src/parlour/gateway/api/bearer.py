"""`Authorization: Bearer …`: who asks, and whether the endpoint's scope and the path's room are theirs.

An endpoint declares its scope by a parameter: `reader: Subscription = bearer.needs("events")`. So it stands in the OpenAPI document,
and the tests that ask every endpoint as a stranger find it there. `{room}` in a path is an encoded id and is checked as well.
"""

import time
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_id
from parlour.contracts.subjects import decode_id
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.access.token_verifier import TokenVerifier, check_scope, evened_out
from parlour.kernel.rejection import Rejection

FORM = "subscription token (JWT) or token04"


class Bearer(SecurityBase):
    """The dependency of every endpoint that is not for everybody."""

    def __init__(self, principals: TokenVerifier, admission: RequestLimiter) -> None:
        self.model = HTTPBearer(bearerFormat=FORM)
        self.scheme_name = "bearer"
        self.principals = principals
        self.admission = admission

    def needs(self, scope: str) -> Any:
        """The default of a parameter that gets the verified `Subscription`."""
        return Security(self, scopes=[scope])

    def asks(self, scope: str) -> Any:
        """As `needs`, for an endpoint that asks the record: each request is paced and has a place among those of its app."""

        needed = self.needs(scope)

        async def admitted(who: Subscription = needed) -> AsyncGenerator[Subscription]:
            self.admission.pace(who)
            with self.admission.asking(who):
                yield who

        return Depends(admitted, scope="function")

    async def __call__(self, request: Request, scopes: SecurityScopes) -> Subscription:
        """Who asks; `Rejection` with 401 without a valid token, with 403 where it does not allow this."""
        request.state.began = time.monotonic()
        token, app = bearer_token(request), request.query_params.get("app", "")
        address = client_address(request)
        found = await self.principals.verify(token, app, address)
        named = request.path_params.get("room")
        room = room_in(named) if isinstance(named, str) else ""
        for scope in scopes.scopes:
            found = await self.principals.allowed(token, app, scope, room, address)
        return found


def check(who: Subscription, scopes: list[str]) -> None:
    """`Rejection` where a scope is missing."""
    for scope in scopes:
        check_scope(who, scope)


async def even_out(request: Request) -> None:
    """See `evened_out`."""
    await evened_out(getattr(request.state, "began", 0.0))


def room_in(token: str) -> str:
    """The room id of a path's token. `Rejection` or `Invalid` where it is none."""
    try:
        room = decode_id(token)
    except ValueError:
        raise Rejection.of(
            Code.PARAMETER, "the room in the path is not an encoded id", field="room",
            hint="letters, digits, _ and - stay; every other byte is =XX in capital hexadecimal digits",
        ) from None  # fmt: skip
    return check_room_id(room)


def client_address(request: Request) -> str:
    """The client's IP address; behind a trusted proxy, what the proxy says."""
    return request.client.host if request.client else ""


def bearer_token(request: Request) -> str:
    """The bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Rejection.of(
            Code.TOKEN_FORMAT, "no bearer token", field="Authorization", hint="Authorization: Bearer <token>"
        )
    return token.strip()
