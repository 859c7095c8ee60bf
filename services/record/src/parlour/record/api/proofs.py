"""The record's proofs on NATS. The subjects name app 0: only the suite's own users may ask there."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import proofs as contract
from parlour.contracts import subjects
from parlour.record.adapters.checkpoint_keys import Keyring
from parlour.record.app.proofs.exports import EventExports
from parlour.record.app.proofs.queries import ProofQueries
from parlour.record.app.proofs.tree_checks import TreeChecks
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Endpoint, EndpointHandler, Headers

from .bus import VERSION

SERVICE = "record-proofs"


async def serve(bus: Bus, proofs: ProofQueries, checks: TreeChecks, stored: EventExports, keys: Keyring) -> None:
    """Registers the endpoints."""

    async def published(_query: contract.KeysQuery) -> contract.CheckpointKeys:
        return contract.CheckpointKeys(await keys.published())

    async def rotated(_query: contract.RotateKeyQuery) -> contract.CheckpointKeys:
        await keys.rotate()
        return contract.CheckpointKeys(await keys.published())

    endpoints = {
        "checkpoint": _endpoint("checkpoint", contract.CheckpointQuery, proofs.checkpoint),
        "inclusion": _endpoint("inclusion", contract.InclusionQuery, proofs.inclusion),
        "consistency": _endpoint("consistency", contract.ConsistencyQuery, proofs.consistency),
        "tile": _endpoint("tile", contract.TileQuery, proofs.tile),
        "tree": _endpoint("tree", contract.TreeQuery, checks.standing),
        "keys": _endpoint("keys", contract.KeysQuery, published),
        "rotate_key": _endpoint("rotate_key", contract.RotateKeyQuery, rotated),
        "exports": _endpoint("exports", contract.ExportsQuery, stored.exports),
        "stored": _endpoint("stored", contract.StoredQuery, stored.page),
    }
    await bus.serve(SERVICE, VERSION, endpoints)


def _endpoint(what: str, query: Any, answer: Callable[[Any], Awaitable[msgspec.Struct]]) -> Endpoint:
    async def handle(to: Address, body: Any, headers: Headers) -> msgspec.Struct:
        return await answer(body)

    handler: EndpointHandler = handle
    return Endpoint(subjects.query(contract.NO_APP, "", what), query, handler)
