"""`/v1/webhooks…`: what the command line does, for programs with the scope `webhooks`.

Endpoints belong to the app, so a token of one room may not manage them; one that shall see what only auditors see needs `audit` as well.
"""

from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response

from parlour.contracts import webhooks as contract
from parlour.contracts.codes import Code
from parlour.contracts.spelling import wire_name
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.token_verifier import check_scope
from parlour.gateway.app.ports import RecordQueries
from parlour.kernel.rejection import Rejection

from .bearer import BEARER
from .inputs import decode_body, injected
from .openapi import answers, body_of, nothing
from .responses import json_response

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
GRANT = BEARER.needs_slot("webhooks")
RECORD = injected(RecordQueries)


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


@router.get("", summary="The app's webhooks.", responses=answers(contract.Webhooks))
async def list_all(grant: Subscription = GRANT, record: RecordQueries = RECORD) -> Response:
    return await _ask(record, grant, contract.ListWebhooks())


@router.post(
    "",
    summary="Send events to an address, from now on. The answer's secret is not shown again.",
    status_code=201,
    responses=answers(contract.Webhook, status=201),
    openapi_extra=body_of(contract.AddWebhook),
)
async def add(request: Request, grant: Subscription = GRANT, record: RecordQueries = RECORD) -> Response:
    question = decode_body(await request.body(), contract.AddWebhook)
    if question.audit:
        check_scope(grant, "audit")
    command_id = question.command_id or str(uuid4())
    return await _ask(record, grant, msgspec.structs.replace(question, command_id=command_id), 201)


@router.get("/{webhook}", summary="One webhook and how far it is.", responses=answers(contract.Webhooks))
async def one(webhook: str, grant: Subscription = GRANT, record: RecordQueries = RECORD) -> Response:
    return await _ask(record, grant, contract.ListWebhooks(webhook))


@router.patch(
    "/{webhook}", summary="Enable or disable.", responses=answers(contract.Webhook), openapi_extra=body_of(Switch)
)
async def switch(
    webhook: str, request: Request, grant: Subscription = GRANT, record: RecordQueries = RECORD
) -> Response:
    wanted = decode_body(await request.body(), Switch)
    return await _ask(record, grant, contract.SetWebhook(webhook, wanted.enabled, wanted.from_now))


@router.delete("/{webhook}", summary="Forget a webhook.", status_code=204, responses=nothing())
async def remove(webhook: str, grant: Subscription = GRANT, record: RecordQueries = RECORD) -> Response:
    await _ask(record, grant, contract.RemoveWebhook(webhook))
    return Response(status_code=204)


@router.post(
    "/{webhook}/rotate",
    summary="A new secret beside the old one.",
    responses=answers(contract.Webhook),
    openapi_extra=body_of(Rotation, required=False),
)
async def rotate(
    webhook: str, request: Request, grant: Subscription = GRANT, record: RecordQueries = RECORD
) -> Response:
    wanted = decode_body(await request.body() or b"{}", Rotation)
    return await _ask(record, grant, contract.RotateWebhook(webhook, wanted.overlap_s, wanted.secret))


@router.post(
    "/{webhook}/test",
    summary="Send a test event and tell what the endpoint said.",
    name="test",
    responses=answers(contract.Delivery),
)
async def send_test(webhook: str, grant: Subscription = GRANT, record: RecordQueries = RECORD) -> Response:
    return await _ask(record, grant, contract.TestWebhook(webhook))


@router.get(
    "/{webhook}/deliveries", summary="The latest attempts, newest first.", responses=answers(contract.Deliveries)
)
async def deliveries(
    webhook: str, before: int = 0, limit: int = 50, failed: bool = False, grant: Subscription = GRANT,
    record: RecordQueries = RECORD,
) -> Response:  # fmt: skip
    return await _ask(record, grant, contract.ListDeliveries(webhook, before, limit, failed))


@router.get("/{webhook}/dead", summary="What was given up, oldest first.", responses=answers(contract.DeadLetters))
async def dead(
    webhook: str, after: int = 0, limit: int = 50, grant: Subscription = GRANT, record: RecordQueries = RECORD
) -> Response:
    return await _ask(record, grant, contract.ListDead(webhook, after, limit))


@router.post(
    "/{webhook}/redrive",
    summary="Send again: a range of one call, what happened in a time, or all that is dead.",
    status_code=202,
    responses=answers(contract.Redriven, status=202),
    openapi_extra=body_of(Redrive),
)
async def redrive(
    webhook: str, request: Request, grant: Subscription = GRANT, record: RecordQueries = RECORD
) -> Response:
    wanted = decode_body(await request.body() or b"{}", Redrive)
    question = contract.RedriveWebhook(
        webhook, wanted.room_uid, wanted.first, wanted.last, wanted.since, wanted.until, wanted.dead
    )
    return await _ask(record, grant, question, 202)


async def _ask(record: RecordQueries, grant: Subscription, question: msgspec.Struct, status: int = 200) -> Response:
    if grant.room is not None:
        raise Rejection.of(Code.FORBIDDEN, "webhooks belong to the app, the token to a room", field="room")
    return json_response(await record.ask_webhooks(grant.app, question), status)
