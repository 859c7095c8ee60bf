"""What operators ask of the record over NATS: proofs, checkpoint keys and exports, retention, and the webhooks of apps.

The subjects of the first name app 0: only the suite's own users may ask there. Those of webhooks are commands, which only the gateway and
the command line, which check who asks, may publish.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import proofs as contract
from parlour.contracts import subjects, webhooks
from parlour.contracts.ids import check_app_id
from parlour.contracts.retention import Retention, RetentionQuery, RunRetention
from parlour.record.app.proofs.checkpoints import Checkpoints
from parlour.record.app.proofs.exports import EventExports
from parlour.record.app.proofs.keys import CheckpointKeys
from parlour.record.app.proofs.queries import ProofQueries
from parlour.record.app.retention.schedule import RetentionSchedule
from parlour.record.app.webhooks.admin import WebhookAdmin
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

from .bus import VERSION

Answers = dict[str, tuple[Any, Callable[[Any], Awaitable[msgspec.Struct]]]]
"""By verb: the kind of a question, and who answers it."""


async def serve_proofs(
    bus: Bus, proofs: ProofQueries, checkpoints: Checkpoints, exports: EventExports, keys: CheckpointKeys
) -> None:
    """Registers the endpoints of proofs, keys and exports."""

    async def show_keys(_query: contract.KeysQuery) -> contract.CheckpointKeys:
        return contract.CheckpointKeys(await keys.published_keys())

    async def rotate_key(_query: contract.RotateKeyQuery) -> contract.CheckpointKeys:
        await keys.rotate()
        return contract.CheckpointKeys(await keys.published_keys())

    answers: Answers = {
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
    await _serve(bus, "record-proofs", answers)


async def serve_retention(bus: Bus, schedule: RetentionSchedule) -> None:
    """Registers the endpoints of the schedule's status and of a round at once."""

    async def show(_query: RetentionQuery) -> Retention:
        return await schedule.status()

    async def start(query: RunRetention) -> Retention:
        schedule.start_round(query.by)
        return await schedule.status()

    answers: Answers = {"retention": (RetentionQuery, show), "run_retention": (RunRetention, start)}
    await _serve(bus, "record-retention", answers)


async def _serve(bus: Bus, service: str, answers: Answers) -> None:
    def endpoint(verb: str) -> Endpoint:
        kind, answer = answers[verb]

        async def handle(address: Address, query: Any, headers: Headers) -> msgspec.Struct:
            return await answer(query)

        return Endpoint(subjects.query(contract.NO_APP, "", verb), kind, handle)

    await bus.serve(service, VERSION, {verb: endpoint(verb) for verb in answers})


async def serve_webhooks(bus: Bus, admin: WebhookAdmin) -> None:
    """Registers one endpoint for each verb of the contract of webhooks."""
    handlers: dict[str, Callable[[int, Any], Awaitable[msgspec.Struct]]] = {
        "webhook_add": admin.add,
        "webhook_list": admin.list_all,
        "webhook_rotate": admin.rotate,
        "webhook_set": admin.set,
        "webhook_remove": admin.remove,
        "webhook_test": admin.test,
        "webhook_deliveries": admin.deliveries,
        "webhook_dead": admin.dead,
        "webhook_redrive": admin.redrive,
    }

    async def handle(address: Address, question: Any, headers: Headers) -> msgspec.Struct:
        return await handlers[address.verb](check_app_id(address.app), question)

    of_all = subjects.commands_of("record").removesuffix("*")
    endpoints = {verb: Endpoint(of_all + verb, kind, handle) for verb, (kind, _) in webhooks.VERBS.items()}
    await bus.serve("record-webhooks", VERSION, endpoints)
