"""`POST /whip/{streamID}`, `POST /whep/{streamID}` (RFC 9725 and its sibling): offer in, answer out, DELETE ends it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from parlour.contracts.client import IceServer
from parlour.contracts.codes import Code, Problem
from parlour.gateway.app.media_resources import MediaResources

from .inputs import bearer_token, client_address, decode_text, injected
from .openapi import MEMBER, nothing, parameter, texts
from .responses import MEDIA_CORS, NO_HEADERS, problem_response

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


def _body(media_type: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": {"type": "string"}}}}}


IN_ROOM = parameter("room", "query", "The room to publish in or to play from. A token of one room needs it too.")
IF_MATCH = parameter("If-Match", "header", "The `ETag` of the ICE session that is meant, or `*` to restart it; needed.")
WITH_OFFER = MEMBER | _body(SDP) | {"parameters": [IN_ROOM]}
WITH_FRAGMENT = MEMBER | _body(FRAGMENT) | {"parameters": [IF_MATCH]}
router = APIRouter()
Resources = Annotated[MediaResources, injected(MediaResources)]


@router.post("/whip/{stream_id}", status_code=201, openapi_extra=WITH_OFFER, responses=texts(SDP, status=201))
async def publish(request: Request, stream_id: str, resources: Resources) -> Response:
    return await _create(resources, request, stream_id, publishes=True)


@router.post("/whep/{stream_id}", status_code=201, openapi_extra=WITH_OFFER, responses=texts(SDP, status=201))
async def play(request: Request, stream_id: str, resources: Resources) -> Response:
    return await _create(resources, request, stream_id, publishes=False)


@router.options("/whip/{rest:path}", include_in_schema=False)
@router.options("/whep/{rest:path}", include_in_schema=False)
async def preflight(rest: str) -> Response:
    return Response(status_code=204, headers=MEDIA_CORS | {"accept-post": SDP})


@router.delete("/{kind}/resource/{resource_id}", name="resource", openapi_extra=MEMBER, responses=nothing(200))
async def end(request: Request, kind: str, resource_id: str, resources: Resources) -> Response:
    await resources.end(resource_id, bearer_token(request), client_address(request))
    return Response(status_code=200, headers=MEDIA_CORS)


@router.patch("/{kind}/resource/{resource_id}", openapi_extra=WITH_FRAGMENT, responses=nothing() | texts(FRAGMENT))
async def change(request: Request, kind: str, resource_id: str, resources: Resources) -> Response:
    if media_type(request) != FRAGMENT:
        return _refusal(415, f"the body is {FRAGMENT}", "content-type", {"accept-patch": FRAGMENT})
    token, match = bearer_token(request), request.headers.get("if-match", "")
    if not match:
        return _refusal(428, "the ETag of the ICE session is needed, or * to restart it", "if-match")
    known = "" if match == "*" else match.strip('"') or "*"
    sent = decode_text(await request.body())
    renewed, fragment = await resources.patch(resource_id, token, sent, known, client_address(request))
    if renewed.outcome == "renewed":
        return Response(fragment, 200, MEDIA_CORS | {"etag": f'"{renewed.ufrag}"'}, FRAGMENT)
    if renewed.outcome == "stale":
        return _refusal(412, "the ICE session was restarted meanwhile", "if-match")
    return Response(status_code=204, headers=MEDIA_CORS)


def ice_links(servers: tuple[IceServer, ...]) -> Iterator[str]:
    """Spells a `Link` header for each TURN address (RFC 9725 §4.6)."""
    for server in servers:
        for url in server.urls:
            yield (
                f'<{url}>; rel="ice-server"; username="{server.username}"; credential="{server.credential}"; '
                f'credential-type="password"'
            )


def media_type(request: Request) -> str:
    """Returns the media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _create(resources: MediaResources, request: Request, stream_id: str, *, publishes: bool) -> Response:
    if media_type(request) != SDP:
        return _refusal(415, f"the body is {SDP}", "content-type", {"accept-post": SDP})
    query = request.query_params
    offer = decode_text(await request.body())
    created = await resources.create(
        bearer_token(request), query.get("app", ""), query.get("room", ""), stream_id, offer, publishes=publishes,
        address=client_address(request),
    )  # fmt: skip
    kind = "whip" if publishes else "whep"
    location = str(request.url_for("resource", kind=kind, resource_id=created.address).path)
    headers = MEDIA_CORS | {"location": location, "etag": f'"{created.tag}"', "accept-patch": FRAGMENT}
    response = Response(created.sdp, 201, headers, SDP)
    for link in ice_links(created.ice_servers):
        response.headers.append("link", link)
    return response


def _refusal(status: int, message: str, field: str, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """Answers with a problem about a header of the request, for which RFC 9725 has a status of its own."""
    return problem_response(Problem(int(Code.PARAMETER), message, field), status, headers)
