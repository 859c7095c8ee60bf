"""Who sends a request: the bearer token in `Authorization`, the client's address, and whether it is a page or program of this machine.

An endpoint declares its scope by a parameter: `grant: Subscription = BEARER.needs("events")`. So it stands in the OpenAPI document,
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
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.access.token_verifier import TokenVerifier
from parlour.gateway.domain.addresses import is_loopback, without_port
from parlour.kernel.rejection import Rejection

from .inputs import decode_room, find

FORMAT = "subscription token (JWT) or token04"
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Bearer(SecurityBase):
    """Verifies the bearer token of a request: the dependency of every endpoint that is not for everybody."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat=FORMAT)
        self.scheme_name = "bearer"

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
        raise Rejection.of(
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
