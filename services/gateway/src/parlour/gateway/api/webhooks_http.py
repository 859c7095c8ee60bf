"""`/v1/webhooks…`: what the command line does, for programs with the scope `webhooks`.

Endpoints belong to the app, so a token of one room may not manage them; one that shall see what only auditors see needs `audit` as well.
"""

from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response

from parlour.contracts import webhooks as contract
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.adapters.webhooks import BusWebhooks
from parlour.kernel.rejection import Rejection

from .bearer import Bearer, check
from .described import answers, nothing

JSON = "application/json"
SCOPE = "webhooks"
Q = TypeVar("Q", bound=msgspec.Struct)


class Rotation(msgspec.Struct, rename={"overlap_s": "overlapS"}):
    """How long the old secret signs too, and the new secret if it shall not be drawn."""

    overlap_s: int = 86_400
    secret: str = ""


class Switch(msgspec.Struct, rename={"from_now": "fromNow"}):
    """On or off; from now on, or where it stood."""

    enabled: bool
    from_now: bool = False


def routes(bearer: Bearer, webhooks: BusWebhooks) -> APIRouter:
    """The endpoints."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
    needed: Any = bearer.needs(SCOPE)

    async def asked(reader: Subscription, question: msgspec.Struct, status: int = 200) -> Response:
        if reader.room is not None:
            raise Rejection.of(Code.FORBIDDEN, "webhooks belong to the app, the token to a room", field="room")
        answer = await webhooks.ask(reader.app, question)
        if status == 204:
            return Response(status_code=status)
        return Response(msgspec.json.encode(answer), status, media_type=JSON, headers={"cache-control": "no-store"})

    @router.get("", summary="The app's webhooks.", responses=answers(contract.Webhooks))
    async def list_all(reader: Subscription = needed) -> Response:
        return await asked(reader, contract.ListWebhooks())

    @router.post(
        "",
        summary="Send events to an address, from now on. The answer's secret is not shown again.",
        status_code=201,
        responses=answers(contract.Webhook, status=201),
    )
    async def add(request: Request, reader: Subscription = needed) -> Response:
        question = await _body(request, contract.AddWebhook)
        if question.audit:
            check(reader, ["audit"])
        drawn = question.command_id or str(uuid4())
        return await asked(reader, msgspec.structs.replace(question, command_id=drawn), 201)

    @router.get("/{webhook}", summary="One webhook and how far it is.", responses=answers(contract.Webhooks))
    async def one(webhook: str, reader: Subscription = needed) -> Response:
        return await asked(reader, contract.ListWebhooks(webhook))

    @router.patch("/{webhook}", summary="Enable or disable.", responses=answers(contract.Webhook))
    async def switch(webhook: str, request: Request, reader: Subscription = needed) -> Response:
        wanted = await _body(request, Switch)
        return await asked(reader, contract.SetWebhook(webhook, wanted.enabled, wanted.from_now))

    @router.delete("/{webhook}", summary="Forget a webhook.", status_code=204, responses=nothing())
    async def remove(webhook: str, reader: Subscription = needed) -> Response:
        return await asked(reader, contract.RemoveWebhook(webhook), 204)

    @router.post("/{webhook}/rotate", summary="A new secret beside the old one.", responses=answers(contract.Webhook))
    async def rotate(webhook: str, request: Request, reader: Subscription = needed) -> Response:
        wanted = await _body(request, Rotation)
        return await asked(reader, contract.RotateWebhook(webhook, wanted.overlap_s, wanted.secret))

    @router.post(
        "/{webhook}/test",
        summary="Send a test event and tell what the endpoint said.",
        responses=answers(contract.Delivery),
    )
    async def test(webhook: str, reader: Subscription = needed) -> Response:
        return await asked(reader, contract.TestWebhook(webhook))

    @router.get(
        "/{webhook}/deliveries", summary="The latest attempts, newest first.", responses=answers(contract.Deliveries)
    )
    async def deliveries(
        webhook: str, before: int = 0, limit: int = 50, failed: bool = False, reader: Subscription = needed
    ) -> Response:
        return await asked(reader, contract.ListDeliveries(webhook, before, limit, failed))

    @router.get("/{webhook}/dead", summary="What was given up, oldest first.", responses=answers(contract.DeadLetters))
    async def dead(webhook: str, after: int = 0, limit: int = 50, reader: Subscription = needed) -> Response:
        return await asked(reader, contract.ListDead(webhook, after, limit))

    @router.post(
        "/{webhook}/redrive",
        summary="Send again: a range of one life, what happened in a time, or all that is dead.",
        status_code=202,
        responses=answers(contract.Redriven, status=202),
    )
    async def redrive(webhook: str, request: Request, reader: Subscription = needed) -> Response:
        wanted = await _body(request, contract.RedriveWebhook, {"id": webhook})
        return await asked(reader, wanted, 202)

    return router


async def _body(request: Request, kind: type[Q], more: dict[str, str] | None = None) -> Q:
    """The body as the struct that it must be; `Rejection` says which field is wrong."""
    try:
        fields = msgspec.json.decode(await request.body() or b"{}", type=dict[str, Any])
        return msgspec.convert(fields | (more or {}), kind)
    except msgspec.DecodeError as error:
        raise Rejection.of(Code.PARAMETER, f"the body is not what this takes: {error}", field="body") from None
