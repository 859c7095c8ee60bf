"""`POST /whip/{streamID}`, `POST /whep/{streamID}` (RFC 9725 and its sibling): offer in, answer out, DELETE ends it."""

from fastapi import APIRouter, Request, Response

from parlour.contracts.codes import Code
from parlour.gateway.app.whip import Whip
from parlour.kernel.rejection import Rejection

SDP = "application/sdp"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, DELETE, PATCH, OPTIONS",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-expose-headers": "location",
    "access-control-max-age": "86400",
}


def routes(whip: Whip) -> APIRouter:
    """The endpoints."""
    router = APIRouter()

    async def make(request: Request, stream_id: str, publishes: bool) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
            return Response(status_code=415, headers=CORS | {"accept-post": SDP})
        query = request.query_params
        offer = (await request.body()).decode()
        made = await whip.make(
            bearer(request), query.get("app", ""), query.get("room", ""), stream_id, offer, publishes=publishes
        )
        kind = "whip" if publishes else "whep"
        location = str(request.url_for("resource", kind=kind, resource_id=made.resource_id).path)
        return Response(made.sdp, 201, CORS | {"location": location, "etag": f'"{made.resource_id}"'}, SDP)

    @router.post("/whip/{stream_id}")
    async def publish(request: Request, stream_id: str) -> Response:
        return await make(request, stream_id, True)

    @router.post("/whep/{stream_id}")
    async def play(request: Request, stream_id: str) -> Response:
        return await make(request, stream_id, False)

    @router.options("/whip/{rest:path}")
    @router.options("/whep/{rest:path}")
    async def preflight(rest: str) -> Response:
        return Response(status_code=204, headers=CORS | {"accept-post": SDP})

    @router.delete("/{kind}/resource/{resource_id}", name="resource")
    async def end(request: Request, kind: str, resource_id: str) -> Response:
        await whip.end(resource_id, bearer(request))
        return Response(status_code=200, headers=CORS)

    @router.patch("/{kind}/resource/{resource_id}")
    async def change(kind: str, resource_id: str) -> Response:
        return Response(status_code=405, headers=CORS | {"allow": "DELETE, OPTIONS"})

    return router


def bearer(request: Request) -> str:
    """The bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Rejection.of(
            Code.TOKEN_FORMAT, "no bearer token", field="Authorization", hint="Authorization: Bearer <token04>"
        )
    return token.strip()
