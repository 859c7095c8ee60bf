"""What a verified token allows: scopes and rooms, and the one refusal for rooms that are not its own."""

import asyncio

from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import OF_ONE_USER, Subscription
from parlour.kernel.rejection import Rejection

FORBIDDEN_TAKES_S = 0.05


def check_scope(reader: Subscription, scope: str) -> None:
    """Raises `Rejection` where the token does not allow the scope."""
    if not reader.allows(scope):
        raise Rejection.of(
            Code.FORBIDDEN, f"the token does not allow {scope}", field="scopes", hint=f"it needs the scope {scope}"
        )
    if reader.user is not None and scope not in OF_ONE_USER:
        raise Rejection.of(
            Code.FORBIDDEN, f"a token on behalf of one user does not allow {scope}", field="user",
            hint="this scope is about the whole app: ask for a token without user",
        )  # fmt: skip


def check_room(reader: Subscription, room: str) -> None:
    """Raises `room_not_found` where the token is for another room; the empty name is no room and passes."""
    if room and not reader.covers(room):
        raise room_not_found()


def room_not_found(field: str = "room") -> Rejection:
    """Returns the one refusal for a room that does not exist and for one that is somebody else's."""
    return Rejection.of(Code.FORBIDDEN, "there is no such room for this token", field=field)


async def pad_refusal(taken_s: float) -> None:
    """Delays a refusal that took so many seconds to `FORBIDDEN_TAKES_S`, so that its time does not tell whether a room exists."""
    await asyncio.sleep(max(0.0, FORBIDDEN_TAKES_S - taken_s))
