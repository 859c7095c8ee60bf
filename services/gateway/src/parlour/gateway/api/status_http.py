"""`/healthz`, `/v1/status` and `/v1/dev/token`: whether this server runs, what runs here, and tokens for developers' pages."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response

from parlour.contracts.codes import Code
from parlour.contracts.ids import check_user_id
from parlour.contracts.spelling import wire_name
from parlour.gateway.app.access.token_verifier import Apps
from parlour.gateway.domain.service_status import ServiceStatus
from parlour.kernel.rejection import Rejection

from .inputs import LOCAL_HOSTS, Settings, injected, is_local
from .openapi import PUBLIC, StructRouter, texts


class DevTokenRequest(msgspec.Struct, rename={"user_id": "userID", "room_id": "roomID", "app_id": "appID"}):
    """Who wants a token, and for which room (empty: any)."""

    user_id: str
    room_id: str = ""
    app_id: int = 0


class DevToken(msgspec.Struct, frozen=True, rename=wire_name):
    """A token04 for development."""

    app_id: int
    token: str


class AppSummary(msgspec.Struct, frozen=True, rename=wire_name):
    """An app, to developers."""

    app_id: int
    name: str


class StatusResponse(msgspec.Struct, frozen=True, rename=wire_name):
    """What runs here; `dev`, `apps` and `app_id` for pages of this machine alone. `started_at` in unix milliseconds."""

    url: str
    dev: bool
    app_id: int
    apps: tuple[AppSummary, ...]
    services: tuple[ServiceStatus, ...]
    rooms: int
    connections: int
    started_at: int


class ServerStatus(msgspec.Struct, frozen=True):
    """Where the status page gets its numbers: the services that answer, this gateway's rooms and connections, and when it began
    (`started_s`, unix seconds)."""

    services: Callable[[], Awaitable[tuple[ServiceStatus, ...]]]
    rooms: Callable[[], int]
    connections: Callable[[], int]
    started_s: float


router = StructRouter()
InjectedApps = Annotated[Apps, injected(Apps)]


@router.get("/healthz", openapi_extra=PUBLIC, responses=texts("text/plain"))
async def healthz() -> Response:
    return Response("ok\n", media_type="text/plain")


@router.get("/v1/status", openapi_extra=PUBLIC)
async def status(
    request: Request, apps: InjectedApps, server: Annotated[ServerStatus, injected(ServerStatus)], settings: Settings
) -> StatusResponse:
    to_developer = settings.dev and is_local(request)
    listed = await apps.list_apps() if to_developer else ()
    return StatusResponse(
        url=str(request.base_url).rstrip("/"), dev=to_developer, app_id=await apps.resolve("") if to_developer else 0,
        apps=tuple(AppSummary(one.app, one.name) for one in listed), services=await server.services(), rooms=server.rooms(),
        connections=server.connections(), started_at=int(server.started_s * 1000),
    )  # fmt: skip


def _check_developer(request: Request, settings: Settings) -> None:
    """Raises `Rejection` unless the request comes from a page of this machine and this server issues tokens."""
    if not settings.dev:
        raise Rejection(Code.NOT_FOUND, "this server hands out no tokens", hint="parlour token")
    if not is_local(request):
        raise Rejection(
            Code.FORBIDDEN, "development tokens are for this machine's own pages alone", field="Host",
            limit=", ".join(sorted(LOCAL_HOSTS)), hint="open the page at localhost, or: parlour token",
        )  # fmt: skip


@router.post("/v1/dev/token", openapi_extra=PUBLIC, dependencies=[Depends(_check_developer)])
async def dev_token(wanted: DevTokenRequest, apps: InjectedApps) -> DevToken:
    app_id = await apps.resolve("")
    if wanted.app_id not in (0, app_id):
        raise Rejection(
            Code.FORBIDDEN, "development tokens are for the default app alone", field="appID", limit=str(app_id),
            hint="parlour token --app",
        )  # fmt: skip
    return DevToken(app_id, await apps.issue_token(app_id, check_user_id(wanted.user_id), wanted.room_id))
