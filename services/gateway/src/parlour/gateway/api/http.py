"""HTTP: pages, status, development tokens, WHIP and WHEP. Problems are `application/problem+json`."""

import time
from collections.abc import Callable, Sequence

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response

from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import check_user_id
from parlour.contracts.spelling import wire_name
from parlour.gateway.adapters.discovery import Discovery
from parlour.gateway.app.access.apps import Apps
from parlour.gateway.app.media_resources.resources import MediaResources

from . import descriptions_http, pages, problems, whip_http
from .bodies import decoded
from .local_requests import HOSTS, is_local
from .openapi import ABOUT, PUBLIC, answers, body_of, document, texts
from .problems import problem

JSON = "application/json"


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


class ServiceStatus(msgspec.Struct, frozen=True):
    """A service: whether it answers, with how many replicas, and how many fewer that is than of late."""

    name: str
    healthy: bool
    replicas: int
    missing: int = 0


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


class Status(msgspec.Struct, frozen=True):
    """What the gateway counts for its status page."""

    rooms: Callable[[], int]
    connections: Callable[[], int]


def build_http(
    apps: Apps, resources: MediaResources, discovery: Discovery, status: Status, routers: Sequence[APIRouter] = (), *,
    web_root: str, dev: bool,
) -> FastAPI:  # fmt: skip
    """The application for HTTP, with these routers beside its own."""
    app = FastAPI(
        title="Parlour", version="1", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, **ABOUT
    )
    began = time.time()
    itself = descriptions_http.routes(lambda: document(app))
    included = (*routers, itself, pages.routes(web_root), whip_http.routes(resources))
    problems.install(app, lambda: [*app.routes, *(route for router in included for route in router.routes)])

    @app.get("/healthz", openapi_extra=PUBLIC, responses=texts("text/plain"))
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/v1/status", openapi_extra=PUBLIC, responses=answers(StatusResponse))
    async def told(request: Request) -> Response:
        services = await discovery.services()
        to_developer = dev and is_local(request)
        listed = await apps.all() if to_developer else ()
        body = StatusResponse(
            url=str(request.base_url).rstrip("/"),
            dev=to_developer,
            app_id=await apps.meant("") if to_developer else 0,
            apps=tuple(AppSummary(one.app, one.name) for one in listed),
            services=tuple(ServiceStatus(one.name, one.healthy, one.replicas, one.missing) for one in services),
            rooms=status.rooms(),
            connections=status.connections(),
            started_at=int(began * 1000),
        )
        return Response(msgspec.json.encode(body), media_type=JSON, headers={"cache-control": "no-store"})

    @app.post("/v1/dev/token", openapi_extra=PUBLIC | body_of(DevTokenRequest), responses=answers(DevToken))
    async def dev_token(request: Request) -> Response:
        if not dev:
            return problem(Problem(int(Code.NOT_FOUND), "this server hands out no tokens", hint="parlour token"))
        if not is_local(request):
            return problem(
                Problem(
                    int(Code.FORBIDDEN), "development tokens are for this machine's own pages alone", "Host",
                    ", ".join(sorted(HOSTS)), "open the page at localhost, or: parlour token",
                )
            )  # fmt: skip
        ask = decoded(await request.body(), DevTokenRequest)
        app_id = await apps.meant("")
        if ask.app_id not in (0, app_id):
            return problem(
                Problem(
                    int(Code.FORBIDDEN), "development tokens are for the default app alone", "appID", str(app_id),
                    "parlour token --app",
                )
            )  # fmt: skip
        made = DevToken(app_id, await apps.token(app_id, check_user_id(ask.user_id), ask.room_id))
        return Response(msgspec.json.encode(made), media_type=JSON, headers={"cache-control": "no-store"})

    for router in included:
        app.include_router(router)
    return app
