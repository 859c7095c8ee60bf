"""Faults of what every service is built on: decisions, the commit of units, reactors."""

import asyncio
from typing import Any
from uuid import uuid4

import msgspec

from .patching import Function, disable, replace

EARLY_S = 1.0
"""How long before the commit the fault `reply_before_commit` answers."""


def reply_before_commit() -> None:
    """A message is acknowledged a second before it is written."""
    from parlour.runtime.deciding.append_queue import AppendQueue
    from parlour.runtime.deciding.context import CommitResult

    def early(shipped: Function) -> Function:
        async def commit_batch(self: AppendQueue, batch: list[Any]) -> None:
            for pending in batch:
                if _is_message(pending.unit) and not pending.future.done():
                    pending.future.set_result(CommitResult((), pending.unit.answer, False, ""))
            await asyncio.sleep(EARLY_S)
            await shipped(self, batch)

        return commit_batch

    replace(AppendQueue, "_commit_batch", early)


def lost_republish() -> None:
    """Messages are never published to NATS, and none is published later in their place."""
    from parlour.record.app.publishing.tail import LogTail
    from parlour.record.domain.beacon import RoomHeads
    from parlour.runtime.deciding.append_queue import AppendQueue

    def silent(shipped: Function) -> Function:
        async def publish(self: AppendQueue, views: tuple[Any, ...], pending: Any) -> None:
            if not _is_message(pending.unit):
                await shipped(self, views, pending)

        return publish

    def no_beacons(self: RoomHeads, now: float) -> tuple[()]:
        return ()

    replace(AppendQueue, "_publish", silent)
    disable(LogTail, "_republish")
    RoomHeads.beacons = no_beacons


def ignored_command_id() -> None:
    """A repeated command takes effect again."""
    from parlour.runtime.deciding.append_queue import AppendQueue

    def forgetful(shipped: Function) -> Function:
        def seal_unit(self: AppendQueue, pending: object) -> Any:
            return msgspec.structs.replace(shipped(self, pending), command_id=str(uuid4()))

        return seal_unit

    replace(AppendQueue, "_seal_unit", forgetful)


def ignored_claims() -> None:
    """Two may hold what should be unique in an app."""
    from parlour.runtime.deciding.append_queue import AppendQueue

    def without_claims(shipped: Function) -> Function:
        def seal_unit(self: AppendQueue, pending: object) -> Any:
            return msgspec.structs.replace(shipped(self, pending), claims=())

        return seal_unit

    replace(AppendQueue, "_seal_unit", without_claims)


def ignored_condition() -> None:
    """A conditional command takes effect although the room's position has changed."""
    from parlour.runtime.deciding import state_cache

    def unconditional(unit: object, context: object, room: object) -> object:
        return unit

    replace(state_cache, "_with_condition", lambda _shipped: unconditional)


def unsealed_text() -> None:
    """Personal text is stored as plain text."""
    from parlour.contracts.events import Event
    from parlour.kernel.sealing import UserKeyStore
    from parlour.runtime.deciding import sealing

    def sealed(people: UserKeyStore, event: Event) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(event))

    def opened(people: UserKeyStore, type_: str, data: msgspec.Raw) -> tuple[msgspec.Raw, bool]:
        return data, False

    def owners(type_: str, data: msgspec.Raw) -> set[str]:
        return set()

    sealing.seal_event = sealed
    sealing.open_data = opened
    replace(sealing, "_owners", lambda _shipped: owners)


def dropped_reaction() -> None:
    """A reactor advances its cursor without reacting."""
    from parlour.runtime.background.reactor import Reactor

    disable(Reactor, "_handle")


def _is_message(unit: Any) -> bool:
    """Whether a unit only appends without looking at the version, as those of messages do."""
    return bool(unit.appends) and all(append.expected is None for append in unit.appends)
