"""`/v1/webhooks…`: what the command line does, for programs with the scope `webhooks`.

Endpoints belong to the app, so a token of one room may not manage them; one that shall see what only auditors see needs `audit` as well.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from fastapi import Depends, Response

from parlour.contracts import webhooks as contract
from parlour.contracts.codes import Code
from parlour.contracts.spelling import wire_name
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.token_verifier import check_scope
from parlour.gateway.app.ports import RecordQueries
from parlour.kernel.rejection import Rejection

from .inputs import BEARER, injected
from .openapi import StructRouter, nothing

router = StructRouter(prefix="/v1/webhooks", tags=["webhooks"])
Grant = Annotated[Subscription, BEARER.needs_slot("webhooks")]


class Rotation(msgspec.Struct, rename={"overlap_s": "overlapS"}):
    """How long the old secret signs too, and the new secret if it shall not be drawn."""

    overlap_s: int = 86_400
    secret: str = ""


class Switch(msgspec.Struct, rename={"from_now": "fromNow"}):
    """On or off; from now on, or where it stood."""

    enabled: bool
    from_now: bool = False


class Redrive(msgspec.Struct, rename=wire_name):
    """What to send again: a range of one call, what happened in a time (unix microseconds), or all that is `dead`."""

    room_uid: str = ""
    first: int = 1
    last: int = 0
    since: int = 0
    until: int = 0
    dead: bool = False


DEFAULT_ROTATION, DEFAULT_REDRIVE = Rotation(), Redrive()


def _ask_for(
    grant: Grant, record: Annotated[RecordQueries, injected(RecordQueries)]
) -> Callable[[msgspec.Struct], Awaitable[Any]]:
    """Returns the function by which a handler asks the record in the name of the token's app."""

    async def ask(question: msgspec.Struct) -> Any:
        if grant.room is not None:
            raise Rejection(Code.FORBIDDEN, "webhooks belong to the app, the token to a room", field="room")
        return await record.ask_webhooks(grant.app, question)

    return ask


Ask = Annotated[Callable[[msgspec.Struct], Awaitable[Any]], Depends(_ask_for)]


@router.get("", summary="The app's webhooks.")
async def list_all(ask: Ask) -> contract.Webhooks:
    return await ask(contract.ListWebhooks())


@router.post(
    "", summary="Send events to an address, from now on. The answer's secret is not shown again.", status_code=201
)
async def add(grant: Grant, question: contract.AddWebhook, ask: Ask) -> contract.Webhook:
    if question.audit:
        check_scope(grant, "audit")
    return await ask(msgspec.structs.replace(question, command_id=question.command_id or str(uuid4())))


@router.get("/{webhook}", summary="One webhook and how far it is.")
async def one(webhook: str, ask: Ask) -> contract.Webhooks:
    return await ask(contract.ListWebhooks(webhook))


@router.patch("/{webhook}", summary="Enable or disable.")
async def switch(webhook: str, ask: Ask, wanted: Switch) -> contract.Webhook:
    return await ask(contract.SetWebhook(webhook, wanted.enabled, wanted.from_now))


@router.delete("/{webhook}", summary="Forget a webhook.", status_code=204, responses=nothing())
async def remove(webhook: str, ask: Ask) -> Response:
    await ask(contract.RemoveWebhook(webhook))
    return Response(status_code=204)


@router.post("/{webhook}/rotate", summary="A new secret beside the old one.")
async def rotate(webhook: str, ask: Ask, wanted: Rotation = DEFAULT_ROTATION) -> contract.Webhook:
    return await ask(contract.RotateWebhook(webhook, wanted.overlap_s, wanted.secret))


@router.post("/{webhook}/test", summary="Send a test event and tell what the endpoint said.", name="test")
async def send_test(webhook: str, ask: Ask) -> contract.Delivery:
    return await ask(contract.TestWebhook(webhook))


@router.get("/{webhook}/deliveries", summary="The latest attempts, newest first.")
async def deliveries(
    webhook: str, ask: Ask, before: int = 0, limit: int = 50, failed: bool = False
) -> contract.Deliveries:
    return await ask(contract.ListDeliveries(webhook, before, limit, failed))


@router.get("/{webhook}/dead", summary="What was given up, oldest first.")
async def dead(webhook: str, ask: Ask, after: int = 0, limit: int = 50) -> contract.DeadLetters:
    return await ask(contract.ListDead(webhook, after, limit))


@router.post(
    "/{webhook}/redrive",
    summary="Send again: a range of one call, what happened in a time, or all that is dead.",
    status_code=202,
)
async def redrive(webhook: str, ask: Ask, wanted: Redrive = DEFAULT_REDRIVE) -> contract.Redriven:
    return await ask(contract.RedriveWebhook(webhook, *msgspec.structs.astuple(wanted)))
