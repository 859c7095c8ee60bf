"""Retention over NATS: its status, and a round at once. For operators: the subjects name app 0."""

from parlour.contracts import subjects
from parlour.contracts.proofs import NO_APP
from parlour.contracts.retention import Retention, RetentionQuery, RunRetention
from parlour.record.app.retention.schedule import RetentionSchedule
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Endpoint, Headers

from .bus import VERSION

SERVICE = "record-retention"


async def serve(bus: Bus, schedule: RetentionSchedule) -> None:
    """Registers the endpoints of the schedule's status and of a round at once."""

    async def show(_address: Address, _query: RetentionQuery, _headers: Headers) -> Retention:
        return await schedule.status()

    async def start(_address: Address, query: RunRetention, _headers: Headers) -> Retention:
        schedule.start_round(query.by)
        return await schedule.status()

    endpoints = {
        "retention": Endpoint(subjects.query(NO_APP, "", "retention"), RetentionQuery, show),
        "run_retention": Endpoint(subjects.query(NO_APP, "", "run_retention"), RunRetention, start),
    }
    await bus.serve(SERVICE, VERSION, endpoints)
