"""How many messages a room and a user may send in a second, by kind of message."""

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.im.domain.messages import Message, Signal
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.rate_limiter import Rate, RateLimit, RateLimiter


class MessageLimits(msgspec.Struct, frozen=True):
    """Messages per second. The vendor's: 10 broadcasts in a room, 2 of one user, 20 barrages, 200 commands to one user, 10 to several.
    The settings of the same names explain each."""

    broadcast_room_per_s: int = 10
    broadcast_user_per_s: int = 2
    barrage_room_per_s: int = 20
    command_one_per_s: int = 200
    command_many_per_s: int = 10


class MessageRates:
    """Applies the limits to messages; each replica counts for itself."""

    def __init__(self, limits: MessageLimits, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._broadcast_room = RateLimit("broadcast messages in a room", limits.broadcast_room_per_s)
        self._broadcast_user = RateLimit("broadcast messages of one user", limits.broadcast_user_per_s)
        self._barrage_room = RateLimit("barrage messages in a room", limits.barrage_room_per_s)
        self._command_one = RateLimit("command messages to one user", limits.command_one_per_s)
        self._command_many = RateLimit("command messages to several users", limits.command_many_per_s)

    def admit(self, context: CommandContext, actor: str, message: Message) -> None:
        """Counts one message of the actor; `Rejection` with the limit that it would pass, and then nothing is counted.

        A repeated command id is not counted again.
        """
        limit = self._limiter.hit(context, *self._rates(context, actor, message))
        if limit is not None:
            raise Rejection(
                Code.MESSAGE_RATE, f"too many {limit.name}", field="message", limit=str(limit), hint="try again in a second"
            )  # fmt: skip

    def _rates(self, context: CommandContext, actor: str, message: Message) -> tuple[Rate, ...]:
        room = (str(context.app), context.room)
        match message:
            case cmd.SendBroadcast():
                return (self._broadcast_user, (*room, actor)), (self._broadcast_room, room)
            case cmd.SendBarrage():
                return ((self._barrage_room, room),)
            case Signal(to=to):
                return ((self._command_one if to is not None and len(to) == 1 else self._command_many, room),)
