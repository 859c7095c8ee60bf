"""Proofs, checkpoint keys and exports over NATS. The subjects name app 0: only the suite's own users may ask there."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import proofs as contract
from parlour.contracts import subjects
from parlour.record.app.proofs.checkpoints import Checkpoints
from parlour.record.app.proofs.exports import EventExports
from parlour.record.app.proofs.keys import CheckpointKeys
from parlour.record.app.proofs.queries import ProofQueries
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

from .bus import VERSION

SERVICE = "record-proofs"
Answer = Callable[[Any], Awaitable[msgspec.Struct]]


async def serve(
    bus: Bus, proofs: ProofQueries, checkpoints: Checkpoints, exports: EventExports, keys: CheckpointKeys
) -> None:
    """Registers the endpoints of proofs, keys and exports."""

    async def show_keys(_query: contract.KeysQuery) -> contract.CheckpointKeys:
        return contract.CheckpointKeys(await keys.published_keys())

    async def rotate_key(_query: contract.RotateKeyQuery) -> contract.CheckpointKeys:
        await keys.rotate()
        return contract.CheckpointKeys(await keys.published_keys())

    answers: dict[str, tuple[Any, Answer]] = {
        "checkpoint": (contract.CheckpointQuery, proofs.checkpoint),
        "inclusion": (contract.InclusionQuery, proofs.inclusion),
        "consistency": (contract.ConsistencyQuery, proofs.consistency),
        "tile": (contract.TileQuery, proofs.tile),
        "tree": (contract.TreeQuery, checkpoints.answer_status),
        "keys": (contract.KeysQuery, show_keys),
        "rotate_key": (contract.RotateKeyQuery, rotate_key),
        "exports": (contract.ExportsQuery, exports.exports),
        "stored": (contract.StoredQuery, exports.page),
    }
    endpoints = {verb: _endpoint(verb, kind, answer) for verb, (kind, answer) in answers.items()}
    await bus.serve(SERVICE, VERSION, endpoints)


def _endpoint(verb: str, kind: Any, answer: Answer) -> Endpoint:
    async def handle(address: Address, query: Any, headers: Headers) -> msgspec.Struct:
        return await answer(query)

    return Endpoint(subjects.query(contract.NO_APP, "", verb), kind, handle)
