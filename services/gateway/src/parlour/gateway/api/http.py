"""The HTTP application: every route table with the objects that its handlers ask for. Problems are `application/problem+json`."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Response

from . import (
    descriptions_http,
    events_http,
    history_http,
    moderation_http,
    privacy_http,
    proofs_http,
    responses,
    status_http,
    web_files,
    webhooks_http,
    whip_http,
)
from .inputs import provide
from .openapi import ABOUT

ROUTERS = tuple(
    module.router
    for module in (
        status_http, history_http, events_http, moderation_http, privacy_http, proofs_http, webhooks_http, descriptions_http,
        web_files, whip_http,
    )
)  # fmt: skip


def build_http(objects: Mapping[type[Any], Any]) -> FastAPI:
    """Builds the application whose handlers get these objects (see `inputs`)."""
    app = FastAPI(
        title="Parlour", version="1", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False,
        default_response_class=Response, **ABOUT,
    )  # fmt: skip
    provide(app, objects)
    responses.install(app, ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    return app
