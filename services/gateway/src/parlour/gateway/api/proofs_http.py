"""Checkpoints, proofs and tiles over HTTP. `/checkpoint` and `/tile/…` are what C2SP's tlog-tiles wants of a log with this prefix.

All of these are for everybody: they hold hashes and counts. A leaf's bytes, which name a room's life by its random id, are served only
where the operator says so; the proof for one room is for its auditors.
"""

import base64
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from parlour.contracts import proofs as contract
from parlour.contracts.codes import Code
from parlour.contracts.queries import ReplayQuery
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.adapters.proofs import BusProofs
from parlour.gateway.app.access.token_verifier import no_room
from parlour.gateway.app.ports import History
from parlour.gateway.domain import tile_paths
from parlour.kernel.rejection import Rejection

from . import openapi
from .bearer import Bearer, room_in

PUBLIC = {"access-control-allow-origin": "*"}
PRIVATE = PUBLIC | {"cache-control": "no-store"}
FRESH = PUBLIC | {"cache-control": "no-cache"}
FOR_EVER = PUBLIC | {"cache-control": "public, max-age=31536000, immutable"}
JSON, TEXT, OCTETS = "application/json", "text/plain; charset=utf-8", "application/octet-stream"
SIZE_MOST = 2**63 - 1
SIZE_DIGITS = 19
SIZES = [
    openapi.parameter("old", "query", "The size of the smaller tree; needed."),
    openapi.parameter("new", "query", "The size of the larger tree; needed."),
]


def routes(proofs: BusProofs, history: History, bearer: Bearer, *, entries_public: bool) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["proofs"])
    auditor = bearer.asks("audit")

    @router.get("/checkpoint", openapi_extra=openapi.PUBLIC, responses=openapi.texts(TEXT))
    async def latest() -> Response:
        return _note(await proofs.checkpoint(0), FRESH)

    @router.get(
        "/tile/{path:path}", openapi_extra=openapi.PUBLIC, responses=openapi.texts(OCTETS, schema=openapi.OCTETS)
    )
    async def tile(path: str) -> Response:
        wanted = tile_paths.parse(path)
        if wanted is None:
            raise Rejection.of(Code.NOT_FOUND, "this is no tile's path", hint="tile/0/000 or tile/0/000.p/17")
        if wanted.entries and not entries_public:
            raise Rejection.of(
                Code.NOT_FOUND, "this record does not publish its leaves", hint="PARLOUR_GATEWAY_PUBLIC_ENTRIES=true"
            )
        content = await proofs.tile(wanted.level, wanted.index, wanted.width, entries=wanted.entries)
        return Response(content, media_type=OCTETS, headers=FOR_EVER)

    @router.get(
        "/v1/checkpoints/keys", openapi_extra=openapi.PUBLIC, responses=openapi.answers(contract.CheckpointKeys)
    )
    async def keys() -> Response:
        return _json(await proofs.keys())

    @router.get(
        "/v1/checkpoints/consistency",
        openapi_extra=openapi.PUBLIC | {"parameters": SIZES},
        responses=openapi.answers(contract.Consistency),
    )
    async def consistency(request: Request) -> Response:
        old, new = (_size(request.query_params.get(name, ""), name) for name in ("old", "new"))
        return _json(await proofs.consistency(old, new))

    @router.get("/v1/checkpoints/{size}", openapi_extra=openapi.PUBLIC, responses=openapi.texts(TEXT))
    async def of_size(size: str) -> Response:
        return _note(await proofs.checkpoint(_size(size, "size")), FOR_EVER)

    @router.get(
        "/v1/rooms/{room}/proof",
        summary="That a checkpoint holds a room's head, as a C2SP tlog-proof or JSON",
        responses=openapi.answers(contract.Inclusion, also={"content": {"text/plain": {"schema": openapi.TEXT}}}),
    )
    async def of_room(
        room: str,
        life: Annotated[str, Query(description="A life of the room (its roomUID); empty: the latest.")] = "",
        form: Annotated[str, Query(alias="format", description="json, tlog-proof")] = "json",
        who: Subscription = auditor,
    ) -> Response:
        name = room_in(room)
        uid = life or (await history.replay(who.app, name, ReplayQuery(limit=1))).head.room_uid
        if not uid:
            raise no_room()
        try:
            found = await proofs.inclusion(who.app, name, uid)
        except Rejection as refused:
            raise no_room() from refused
        if not found.size:
            raise Rejection.of(Code.NOT_FOUND, "no checkpoint has this room yet", hint="ask again in a minute")
        if form == "tlog-proof":
            return Response(proof_text(found), media_type=TEXT, headers=PRIVATE)
        return Response(msgspec.json.encode(found), media_type=JSON, headers=PRIVATE)

    return router


def proof_text(found: contract.Inclusion) -> str:
    """A C2SP tlog-proof of a room's head."""
    path = "".join(f"{base64.b64encode(step).decode()}\n" for step in found.path)
    return f"c2sp.org/tlog-proof@v1\nindex {found.index}\n{path}\n{found.note}"


def _note(found: contract.SignedCheckpoint, headers: dict[str, str]) -> Response:
    if not found.note:
        raise Rejection.of(Code.NOT_FOUND, "there is no checkpoint yet", hint="the first is made within a minute")
    return Response(found.note, media_type=TEXT, headers=headers)


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type=JSON, headers=FRESH)


def _size(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > SIZE_DIGITS or not 0 < int(text) <= SIZE_MOST:
        raise Rejection.of(Code.PARAMETER, f"{field} is not a tree's size", field=field, limit="1..")
    return int(text)
