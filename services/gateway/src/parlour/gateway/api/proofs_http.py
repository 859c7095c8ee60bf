"""Checkpoints, proofs and tiles over HTTP. `/checkpoint` and `/tile/…` are what C2SP's tlog-tiles wants of a log with this prefix.

All of these are for everybody: they hold hashes and counts. A leaf's bytes, which name a call by its random id, are served only
where the operator says so; the proof for one room is for its auditors.
"""

import base64
from typing import Annotated, TypeVar

import msgspec
from fastapi import Query, Request, Response

from parlour.contracts import proofs as contract
from parlour.contracts.codes import Code
from parlour.contracts.queries import ReplayQuery
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.token_verifier import room_not_found
from parlour.gateway.app.ports import History, RecordQueries
from parlour.gateway.domain import tile_paths
from parlour.kernel.rejection import Rejection

from .inputs import BEARER, Settings, decode_room, injected, parse_count
from .openapi import OCTETS, PUBLIC, TEXT, StructRouter, answers, parameter, texts
from .responses import ANY_ORIGIN, NO_STORE, json_response

PRIVATE = ANY_ORIGIN | NO_STORE
FRESH = ANY_ORIGIN | {"cache-control": "no-cache"}
IMMUTABLE = ANY_ORIGIN | {"cache-control": "public, max-age=31536000, immutable"}
PLAIN_TEXT, OCTET_STREAM = "text/plain; charset=utf-8", "application/octet-stream"
TREE_SIZE_MOST = 2**63 - 1
TREE_SIZES = [
    parameter("old", "query", "The size of the smaller tree; needed."),
    parameter("new", "query", "The size of the larger tree; needed."),
]
router = StructRouter(tags=["proofs"], headers=FRESH)
AuditGrant = Annotated[Subscription, BEARER.needs_slot("audit")]
Record = Annotated[RecordQueries, injected(RecordQueries)]
A = TypeVar("A", bound=msgspec.Struct)


@router.get("/checkpoint", openapi_extra=PUBLIC, responses=texts(PLAIN_TEXT))
async def latest(record: Record) -> Response:
    return await _checkpoint(record, 0, FRESH)


@router.get("/tile/{path:path}", openapi_extra=PUBLIC, responses=texts(OCTET_STREAM, schema=OCTETS))
async def tile(path: str, record: Record, settings: Settings) -> Response:
    wanted = tile_paths.parse(path)
    if wanted is None:
        raise Rejection(Code.NOT_FOUND, "this is no tile's path", hint="tile/0/000 or tile/0/000.p/17")
    if wanted.entries and not settings.public_entries:
        raise Rejection(
            Code.NOT_FOUND, "this record does not publish its leaves", hint="PARLOUR_GATEWAY_PUBLIC_ENTRIES=true"
        )
    found = await _query(record, "tile", wanted, contract.Tile)
    return Response(found.content, media_type=OCTET_STREAM, headers=IMMUTABLE)


@router.get("/v1/checkpoints/keys", openapi_extra=PUBLIC)
async def keys(record: Record) -> contract.CheckpointKeys:
    return await _query(record, "keys", contract.KeysQuery(), contract.CheckpointKeys)


@router.get("/v1/checkpoints/consistency", openapi_extra=PUBLIC | {"parameters": TREE_SIZES})
async def consistency(request: Request, record: Record) -> contract.Consistency:
    old, new = (parse_count(request.query_params.get(name, ""), TREE_SIZE_MOST, name) for name in ("old", "new"))
    return await _query(record, "consistency", contract.ConsistencyQuery(old, new), contract.Consistency)


@router.get("/v1/checkpoints/{size}", openapi_extra=PUBLIC, responses=texts(PLAIN_TEXT))
async def of_size(size: str, record: Record) -> Response:
    return await _checkpoint(record, parse_count(size, TREE_SIZE_MOST, "size"), IMMUTABLE)


@router.get(
    "/v1/rooms/{room}/proof",
    summary="That a checkpoint holds a room's head, as a C2SP tlog-proof or JSON",
    responses=answers(contract.Inclusion, also={"content": {"text/plain": {"schema": TEXT}}}),
)
async def of_room(
    room: str, grant: AuditGrant, record: Record, history: Annotated[History, injected(History)],
    call: Annotated[str, Query(description="A call of the room (its roomUID); empty: the latest.")] = "",
    form: Annotated[str, Query(alias="format", description="json, tlog-proof")] = "json",
) -> Response:  # fmt: skip
    name = decode_room(room)
    room_uid = call or (await history.replay(grant.app, name, ReplayQuery(limit=1))).head.room_uid
    if not room_uid:
        raise room_not_found()
    try:
        query = contract.InclusionQuery(room_uid, grant.app, name)
        found = await _query(record, "inclusion", query, contract.Inclusion)
    except Rejection as refused:
        raise room_not_found() from refused
    if not found.size:
        raise Rejection(Code.NOT_FOUND, "no checkpoint has this room yet", hint="ask again in a minute")
    if form == "tlog-proof":
        return Response(proof_text(found), media_type=PLAIN_TEXT, headers=PRIVATE)
    return json_response(found, headers=PRIVATE)


def proof_text(found: contract.Inclusion) -> str:
    """Spells the proof of a room's head as a C2SP tlog-proof."""
    path = "".join(f"{base64.b64encode(step).decode()}\n" for step in found.path)
    return f"c2sp.org/tlog-proof@v1\nindex {found.index}\n{path}\n{found.note}"


async def _checkpoint(record: RecordQueries, size: int, headers: dict[str, str]) -> Response:
    """Answers with the signed note of this size; 0: the latest."""
    found = await _query(record, "checkpoint", contract.CheckpointQuery(size), contract.SignedCheckpoint)
    if not found.note:
        raise Rejection(Code.NOT_FOUND, "there is no checkpoint yet", hint="the first is made within a minute")
    return Response(found.note, media_type=PLAIN_TEXT, headers=headers)


async def _query(record: RecordQueries, name: str, query: msgspec.Struct, kind: type[A]) -> A:
    """Asks about the tree, which is one for all apps and rooms."""
    return await record.query(contract.NO_APP, "", name, query, kind)
