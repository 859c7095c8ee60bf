"""Which stays are ended when, and that what failed is asked again."""

import pytest

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.gateway.app.ports import GatewayCommands
from parlour.gateway.app.sessions.expiry import TokenExpiry
from parlour.gateway.app.sessions.session import RoomMember, Session
from parlour.gateway.domain.session_secret import Rights
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock, SystemIds

NOW = 1000.0


class Room:
    """The room service: notes what it is asked, and does not answer while it is `away`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, cmd.Request]] = []
        self.away = False

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        self.asked.append((room, request))
        if self.away:
            raise Rejection(Code.UNAVAILABLE, "away")
        return cmd.Reply()


def an_expiry(room: Room, sessions: list[Session]) -> TokenExpiry:
    return TokenExpiry(GatewayCommands(room, SystemIds()), lambda: sessions, SystemClock())


def session(**ends: int) -> Session:
    """A session that is in these rooms, until then."""
    made = Session("s-ann", 1, client.UserRef("ann"))
    for room, end in ends.items():
        made.rooms[room] = RoomMember(made, room, "actor-ann")
        made.rights[room] = Rights(1, stay_ends_s=end)
    return made


@pytest.mark.parametrize(("end", "ended"), [(0, False), (1000, True), (999, True), (1001, False)])
async def test_a_stay_ends_when_its_time_is_up(end: int, ended: bool) -> None:
    room, held = Room(), [session(tea=end)]
    await an_expiry(room, held).end_due(NOW)
    asked = [(where, request.body) for where, request in room.asked]
    assert asked == ([("tea", cmd.EndStay("s-ann", "actor-ann", "token_expired"))] if ended else [])


async def test_each_room_has_its_own_end() -> None:
    room, held = Room(), [session(tea=900, lobby=2000)]
    await an_expiry(room, held).end_due(NOW)
    assert [where for where, _ in room.asked] == ["tea"]


async def test_a_renewed_stay_goes_on() -> None:
    room, one = Room(), session(tea=900)
    one.rights["tea"] = Rights(3000, stay_ends_s=3000)
    await an_expiry(room, [one]).end_due(NOW)
    assert not room.asked


async def test_what_failed_is_asked_again_under_the_same_id() -> None:
    room, held = Room(), [session(tea=900)]
    expiry = an_expiry(room, held)
    room.away = True
    await expiry.end_due(NOW)
    room.away = False
    await expiry.end_due(NOW + 1)
    first, second = (request.command_id for _, request in room.asked)
    assert first == second
