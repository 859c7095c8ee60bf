"""Faults of the gateway."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from .patching import Function, replace

if TYPE_CHECKING:
    from parlour.contracts.envelope import EventView
    from parlour.contracts.ids import Position
    from parlour.gateway.app.delivery.members import MemberDelivery
    from parlour.gateway.app.requests.resume import ResumePlan
    from parlour.gateway.app.sessions.session import RoomMember
    from parlour.gateway.domain.frame_batch import FrameBatch

LATE_S = 0.5
"""How long after the answer the fault `late_subscription` lets events through."""
LOST_EVERY = 3
"""Of how many events the fault `dropped_events` loses one."""
REPEATED = 2
"""Events that the fault `duplicated_events` sends once more."""


def ignored_expiry() -> None:
    """Expired tokens are not looked for."""
    from parlour.gateway.app.sessions.expiry import TokenExpiry

    async def end_due(self: TokenExpiry, now_s: float) -> None:
        return None

    TokenExpiry.end_due = end_due


def unthrottled_tokens() -> None:
    """Refused tokens are not counted."""
    from parlour.gateway.app.access.token_throttle import Attempt, TokenThrottle

    async def verify(self: TokenThrottle, attempt: Attempt, question: Callable[[], Awaitable[object]]) -> object:
        return await question()

    TokenThrottle.verify = verify  # pyright: ignore[reportAttributeAccessIssue] of a generic method


def unlimited_reads_after_close() -> None:
    """What a client sends after its WebSocket was closed is read as fast as it arrives."""
    from parlour.gateway.api.connection import Connection

    def read_on(self: Connection, transport: object) -> None:
        return None

    Connection._stop_reading = read_on  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] what is broken here


def unchecked_host() -> None:
    """A gateway on loopback accepts every Host header."""
    from parlour.gateway.domain.addresses import AllowedHosts

    def answers(self: AllowedHosts, host: str) -> bool:
        return True

    AllowedHosts.answers = answers


def end_on_any_error() -> None:
    """A stream that fails for now ends as if its token had lost the right to read."""
    from parlour.gateway.api import sse

    sse.TRANSIENT_CODES = frozenset()  # pyright: ignore[reportConstantRedefinition]


def ignored_idempotency_key() -> None:
    """A command repeated with its idempotency key is taken for a new one."""
    from uuid import uuid4

    from parlour.contracts.subscriptions import Subscription
    from parlour.gateway.app import moderation

    def command_id(who: Subscription, key: str) -> str:
        return str(uuid4())

    moderation._command_id = command_id  # pyright: ignore[reportPrivateUsage] what the fault is about


def undescribed_bodies() -> None:
    """The OpenAPI description omits request bodies."""
    from typing import Any

    from parlour.gateway.api import openapi

    def body_of(kind: type, *, required: bool = True) -> dict[str, Any]:
        return {}

    openapi.body_of = body_of


def unlimited_readers() -> None:
    """Readers and requests of an app have only the limits of their tokens and of the gateway."""
    from contextlib import nullcontext

    from parlour.contracts.subscriptions import Subscription
    from parlour.gateway.app.access.request_limits import RequestLimiter, RequestLimits

    begin = RequestLimiter.__init__

    def begin_unshared(self: RequestLimiter, limits: RequestLimits, now: Callable[[], float]) -> None:
        from msgspec.structs import replace

        begin(
            self,
            replace(limits, readers_per_app=limits.readers, reads_per_s_per_app=1e9, reads_burst_per_app=1e9),
            now,
        )

    def query_slot(self: RequestLimiter, who: Subscription) -> nullcontext[None]:
        return nullcontext()

    RequestLimiter.__init__ = begin_unshared
    RequestLimiter.query_slot = query_slot  # pyright: ignore[reportAttributeAccessIssue] nothing is counted


def late_subscription() -> None:
    """A login is answered a moment before the client is subscribed to the room's events."""
    from parlour.gateway.app.delivery.feed import RoomFeed

    def late(shipped: Function) -> Function:
        def add_member(self: RoomFeed, member: "RoomMember") -> None:
            shipped(self, member)
            delivery = self.members[member.session.session_id]
            self.fanout.discard(delivery)
            asyncio.get_running_loop().call_later(LATE_S, begin, self, delivery)

        return add_member

    def begin(feed: RoomFeed, delivery: "MemberDelivery") -> None:
        taken = feed.members.get(delivery.session_id) is delivery
        if taken and feed.mirror is not None and not delivery.is_lagging:
            delivery.cursor.position = feed.mirror.position
            feed.fanout.add(delivery)

    replace(RoomFeed, "add_member", late)


def dropped_events() -> None:
    """Some events are not delivered to clients, and no skip is sent in their place."""
    from parlour.gateway.app.delivery.members import MemberDelivery

    def leaky(shipped: Function) -> Function:
        def push(self: MemberDelivery, batches: "Sequence[FrameBatch]") -> bool:
            if batches[-1].end.seq % LOST_EVERY:
                return bool(shipped(self, batches))
            self.cursor.position = batches[-1].end
            return True

        return push

    replace(MemberDelivery, "push", leaky)


def leaked_message() -> None:
    """All members of the room get what was addressed to some."""
    from parlour.contracts.events import Audience
    from parlour.gateway.domain import encoded_event

    def to_all(shipped: Function) -> Function:
        def readers_of(view: "EventView") -> object:
            return None if view.audience == Audience.NAMED else shipped(view)

        return readers_of

    replace(encoded_event, "_readers_of", to_all)


def unchecked_position() -> None:
    """A client's position is continued whichever history it belongs to."""
    from parlour.gateway.app.requests.resume import ResumeHandler, ResumePlan

    def trusting(shipped: Function) -> Function:
        async def plan(self: ResumeHandler, *asked: object) -> object:
            found = await shipped(self, *asked)
            if isinstance(found, ResumePlan) and found.reason == "diverged":
                found.reason = ""
                found.position = _ours(found)
            return found

        return plan

    replace(ResumeHandler, "_plan", trusting)


def _ours(plan: "ResumePlan") -> "Position":
    """The position of the room's history that a client's would be if it were of that history."""
    mirror = plan.mirror
    hash8 = mirror.buffer.hash8_at(plan.position.seq)
    return structs.replace(plan.position, hash8=hash8) if hash8 is not None else mirror.position


def duplicated_events() -> None:
    """A client that resumes gets again some events that it had."""
    from parlour.gateway.app.requests.resume import ResumeHandler

    def repeating(shipped: Function) -> Function:
        def carry_out(self: ResumeHandler, plan: "ResumePlan", session_id: str) -> None:
            if not plan.needs_snapshot:
                plan.position = _before(plan)
            shipped(self, plan, session_id)

        return carry_out

    replace(ResumeHandler, "_carry_out", repeating)


def _before(plan: "ResumePlan") -> "Position":
    """A position a little before the one that the client holds."""
    position, buffer = plan.position, plan.mirror.buffer
    seq = max(buffer.floor.seq, position.seq - REPEATED)
    if seq > position.seq:
        return position
    return structs.replace(position, seq=seq, hash8=buffer.hash8_at(seq) or position.hash8)


def unchecked_room() -> None:
    """A token of one room reads all rooms."""
    from parlour.gateway.app.access.token_verifier import TokenVerifier

    def wide(shipped: Function) -> Function:
        async def authorize(
            self: TokenVerifier, token: str, app: str, scope: str, room: str = "", address: str = ""
        ) -> Any:
            return await shipped(self, token, app, scope, "", address)

        return authorize

    replace(TokenVerifier, "authorize", wide)


def ignored_revocation() -> None:
    """A token that was verified once stays valid."""
    from parlour.contracts.envelope import EventView
    from parlour.gateway.app.access import token_verifier

    def on_app_event(self: token_verifier.TokenVerifier, view: EventView) -> None:
        return None

    token_verifier.TokenVerifier.on_app_event = on_app_event
    replace(token_verifier, "VERIFIED_FOR_S", lambda _shipped: math.inf)
