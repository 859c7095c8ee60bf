"""`DELETE /v1/users/{user}` and `/v1/holds`: erasure of a person, and holds against it. The scope is `erase`, of a whole app's token."""

from typing import TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.ports import GatewayCommands
from parlour.kernel.rejection import Rejection

from .bearer import BEARER
from .inputs import decode_body, decode_path_id, injected
from .openapi import answers, body_of
from .responses import json_response

router = APIRouter(tags=["privacy"])
GRANT = BEARER.needs("erase")
COMMANDS = injected(GatewayCommands)
R = TypeVar("R")


class Hold(msgspec.Struct, rename={"user_id": "userID", "room_id": "roomID"}):
    """Whom to hold, or what; one of the two. The answer names what is held, or no more."""

    user_id: str = ""
    room_id: str = ""
    reason: str = ""


@router.delete(
    "/v1/users/{user}", summary="Erase a person: now, or when no hold covers them", responses=answers(cmd.Erasure)
)
async def erase(user: str, grant: Subscription = GRANT, commands: GatewayCommands = COMMANDS) -> Response:
    body = cmd.EraseUser(decode_path_id(user, "user"))
    return json_response(await _ask(commands, grant, body, cmd.Erasure))


@router.get("/v1/holds", summary="What is held", responses=answers(cmd.Holds))
async def holds(grant: Subscription = GRANT, commands: GatewayCommands = COMMANDS) -> Response:
    return json_response(await _ask(commands, grant, cmd.ListHolds(), cmd.Holds))


@router.post(
    "/v1/holds", summary="Hold a person's or a room's record", status_code=201, responses=answers(Hold, status=201),
    openapi_extra=body_of(Hold),
)  # fmt: skip
async def hold(request: Request, grant: Subscription = GRANT, commands: GatewayCommands = COMMANDS) -> Response:
    wanted = decode_body(await request.body(), Hold)
    await _ask(commands, grant, cmd.PlaceHold(wanted.user_id, wanted.room_id, wanted.reason), msgspec.Raw)
    return json_response(wanted, 201)


@router.post("/v1/holds/release", summary="End a hold", responses=answers(Hold), openapi_extra=body_of(Hold))
async def release(request: Request, grant: Subscription = GRANT, commands: GatewayCommands = COMMANDS) -> Response:
    wanted = decode_body(await request.body(), Hold)
    await _ask(commands, grant, cmd.ReleaseHold(wanted.user_id, wanted.room_id), msgspec.Raw)
    return json_response(wanted)


async def _ask(commands: GatewayCommands, grant: Subscription, body: cmd.AnyCommand, kind: type[R]) -> R:
    if grant.room is not None:
        raise Rejection.of(Code.FORBIDDEN, "this needs a token for the whole app", field="room")
    return await commands.ask(grant.app, body, kind)
