"""`DELETE /v1/users/{user}` and `/v1/holds`: erasure of a person, and holds against it. The scope is `erase`, of a whole app's token."""

from typing import Annotated, TypeVar

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.ports import GatewayCommands
from parlour.kernel.rejection import Rejection

from .inputs import BEARER, decode_path_id, injected
from .openapi import StructRouter

router = StructRouter(tags=["privacy"])
Grant = Annotated[Subscription, BEARER.needs("erase")]
Commands = Annotated[GatewayCommands, injected(GatewayCommands)]
R = TypeVar("R")


class Hold(msgspec.Struct, rename={"user_id": "userID", "room_id": "roomID"}):
    """Whom to hold, or what; one of the two. The answer names what is held, or no more."""

    user_id: str = ""
    room_id: str = ""
    reason: str = ""


@router.delete("/v1/users/{user}", summary="Erase a person: now, or when no hold covers them")
async def erase(user: str, grant: Grant, commands: Commands) -> cmd.Erasure:
    return await _ask(commands, grant, cmd.EraseUser(decode_path_id(user, "user")), cmd.Erasure)


@router.get("/v1/holds", summary="What is held")
async def holds(grant: Grant, commands: Commands) -> cmd.Holds:
    return await _ask(commands, grant, cmd.ListHolds(), cmd.Holds)


@router.post("/v1/holds", summary="Hold a person's or a room's record", status_code=201)
async def hold(grant: Grant, commands: Commands, wanted: Hold) -> Hold:
    await _ask(commands, grant, cmd.PlaceHold(wanted.user_id, wanted.room_id, wanted.reason), msgspec.Raw)
    return wanted


@router.post("/v1/holds/release", summary="End a hold")
async def release(grant: Grant, commands: Commands, wanted: Hold) -> Hold:
    await _ask(commands, grant, cmd.ReleaseHold(wanted.user_id, wanted.room_id), msgspec.Raw)
    return wanted


async def _ask(commands: GatewayCommands, grant: Subscription, body: cmd.AnyCommand, kind: type[R]) -> R:
    if grant.room is not None:
        raise Rejection(Code.FORBIDDEN, "this needs a token for the whole app", field="room")
    return await commands.ask(grant.app, body, kind)
