"""Faults of what every service is built on: decisions, the commit of drafts, reactors."""

import asyncio
from typing import Any
from uuid import uuid4

import msgspec

from .patching import Function, disable, replace

EARLY_S = 1.0
"""How long before the commit the fault `reply_before_commit` answers."""


def reply_before_commit() -> None:
    """A message is acknowledged a second before it is written."""
    from parlour.runtime.deciding.drafts import Done
    from parlour.runtime.deciding.lanes import Lane

    def early(shipped: Function) -> Function:
        async def settle(self: Lane, batch: list[Any]) -> None:
            for pending in batch:
                if _is_message(pending.draft) and not pending.future.done():
                    pending.future.set_result(Done((), pending.draft.answer, False, ""))
            await asyncio.sleep(EARLY_S)
            await shipped(self, batch)

        return settle

    replace(Lane, "_settle", early)


def lost_republish() -> None:
    """Messages never reach NATS, and nobody notices that they did not."""
    from parlour.record.app.publishing.tail import LogTail
    from parlour.record.domain.beacon import RoomHeads
    from parlour.runtime.deciding.lanes import Lane

    def silent(shipped: Function) -> Function:
        async def publish(self: Lane, views: tuple[Any, ...], pending: Any) -> None:
            if not _is_message(pending.draft):
                await shipped(self, views, pending)

        return publish

    def no_beacons(self: RoomHeads, now: float) -> tuple[()]:
        return ()

    replace(Lane, "_publish", silent)
    disable(LogTail, "_republish")
    RoomHeads.beacons = no_beacons


def forgotten_command() -> None:
    """A command that comes a second time is done a second time."""
    from parlour.runtime.deciding.lanes import Lane

    def forgetful(shipped: Function) -> Function:
        def unit(self: Lane, pending: object) -> Any:
            return msgspec.structs.replace(shipped(self, pending), command_id=uuid4())

        return unit

    replace(Lane, "_unit", forgetful)


def ignored_claims() -> None:
    """What should be unique in an app may be taken by two."""
    from parlour.runtime.deciding.lanes import Lane

    def without_claims(shipped: Function) -> Function:
        def unit(self: Lane, pending: object) -> Any:
            return msgspec.structs.replace(shipped(self, pending), claims=())

        return unit

    replace(Lane, "_unit", without_claims)


def ignored_condition() -> None:
    """A command that should be done only if the room still stands where it did is done anyway."""
    from parlour.runtime.deciding import rooms

    def unconditional(draft: object, call: object, room: object) -> object:
        return draft

    replace(rooms, "_conditional", lambda _shipped: unconditional)


def plain_text() -> None:
    """Personal text is stored as it is."""
    from parlour.contracts.events import Event
    from parlour.kernel.sealing import People
    from parlour.runtime.deciding import sealing

    def sealed(people: People, event: Event) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(event))

    def opened(people: People, type_: str, data: msgspec.Raw) -> tuple[msgspec.Raw, bool]:
        return data, False

    def owners(type_: str, data: msgspec.Raw) -> set[str]:
        return set()

    sealing.sealed = sealed
    sealing.opened = opened
    replace(sealing, "_owners", lambda _shipped: owners)


def skipping_reactor() -> None:
    """A reactor moves on without having done what it is there for."""
    from parlour.runtime.background.reactor import Reactor

    disable(Reactor, "_handle")


def _is_message(draft: Any) -> bool:
    """Whether a draft only appends without looking at the version, as those of messages do."""
    return bool(draft.changes) and all(change.expected is None for change in draft.changes)
