"""Retention on NATS: where it stands, and a round at once. For operators: the subjects name app 0."""

from parlour.contracts import subjects
from parlour.contracts.proofs import NO_APP
from parlour.contracts.retention import Retention, RetentionQuery, RunRetention
from parlour.record.app.retention.schedule import RetentionSchedule
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Endpoint, Headers

from .bus import VERSION

SERVICE = "record-retention"


async def serve(bus: Bus, rounds: RetentionSchedule) -> None:
    """Registers the endpoints."""

    async def told(_to: Address, _query: RetentionQuery, _headers: Headers) -> Retention:
        return await rounds.status()

    async def asked(_to: Address, query: RunRetention, _headers: Headers) -> Retention:
        rounds.ask(query.by)
        return await rounds.status()

    endpoints = {
        "retention": Endpoint(subjects.query(NO_APP, "", "retention"), RetentionQuery, told),
        "run_retention": Endpoint(subjects.query(NO_APP, "", "run_retention"), RunRetention, asked),
    }
    await bus.serve(SERVICE, VERSION, endpoints)
