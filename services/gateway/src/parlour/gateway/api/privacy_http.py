"""`DELETE /v1/users/{user}` and `/v1/holds`: erasure of a person, and holds against it. The scope is `erase`, of a whole app's token."""

from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.contracts.subjects import decode_id
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.ports import Services
from parlour.kernel.rejection import Rejection

from .bearer import Bearer
from .bodies import decoded
from .openapi import answers, body_of

SCOPE = "erase"
HEADERS = {"cache-control": "no-store"}
_SERVICE = cmd.Caller(kind="service")


class Hold(msgspec.Struct, rename={"user_id": "userID", "room_id": "roomID"}):
    """Whom to hold, or what; one of the two. The answer names what is held, or no more."""

    user_id: str = ""
    room_id: str = ""
    reason: str = ""


def routes(services: Services, bearer: Bearer) -> APIRouter:
    """The endpoints."""
    router = APIRouter(tags=["privacy"])
    needed = bearer.needs(SCOPE)

    async def ask(reader: Subscription, body: cmd.AnyCommand) -> Response:
        if reader.room is not None:
            raise Rejection.of(Code.FORBIDDEN, "this needs a token for the whole app", field="room")
        reply = await services.ask(reader.app, "", cmd.Request(str(uuid4()), _SERVICE, body))
        return Response(bytes(reply.result), 200, HEADERS, "application/json")

    @router.delete(
        "/v1/users/{user}", summary="Erase a person: now, or when no hold covers them", responses=answers(cmd.Erasure)
    )
    async def erase(user: str, reader: Subscription = needed) -> Response:
        try:
            user_id = decode_id(user)
        except ValueError:
            raise invalid(Code.PARAMETER, "user", "the user in the path is not an encoded id") from None
        return await ask(reader, cmd.EraseUser(user_id))

    @router.get("/v1/holds", summary="What is held", responses=answers(cmd.Holds))
    async def holds(reader: Subscription = needed) -> Response:
        return await ask(reader, cmd.ListHolds())

    @router.post(
        "/v1/holds", summary="Hold a person's or a room's record", status_code=201, responses=answers(Hold, status=201),
        openapi_extra=body_of(Hold),
    )  # fmt: skip
    async def hold(request: Request, reader: Subscription = needed) -> Response:
        body = decoded(await request.body(), Hold)
        await ask(reader, cmd.PlaceHold(body.user_id, body.room_id, body.reason))
        return _told(body, 201)

    @router.post("/v1/holds/release", summary="End a hold", responses=answers(Hold), openapi_extra=body_of(Hold))
    async def release(request: Request, reader: Subscription = needed) -> Response:
        body = decoded(await request.body(), Hold)
        await ask(reader, cmd.ReleaseHold(body.user_id, body.room_id))
        return _told(body)

    return router


def _told(hold: Hold, status: int = 200) -> Response:
    return Response(msgspec.json.encode(hold), status, HEADERS, "application/json")
