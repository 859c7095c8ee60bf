"""Handles the three kinds of messages: checks, counts and appends them."""

from dataclasses import dataclass

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.commands import MessageSent, Reply
from parlour.contracts.ids import COMMAND_TARGETS, check_message, check_user_id, invalid
from parlour.im.domain import messages as domain
from parlour.im.domain.messages import Members, Message, Signal
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.log import Append, AppendUnit, Claim
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.context import ClaimRefused, CommandContext, CommitResult, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache

from .message_rates import MessageRates


@dataclass
class MessageHandler:
    """Handles SendBroadcast, SendBarrage and SendCommand; each method returns after the commit.

    A message has no expected version: that its sender is in the room is required of the log in the same unit.
    """

    _cache: StateCache[Members]
    _people: UserKeyStore
    _clock: Clock
    _ids: Ids
    _rates: MessageRates

    async def message(self, context: CommandContext, body: cmd.SendBroadcast | cmd.SendBarrage) -> Reply:
        """Sends a message to all of the room but the sender."""
        done = await self._send(context, body)
        return reply_of(done, MessageSent(_message_id(done)))

    async def command(self, context: CommandContext, body: cmd.SendCommand) -> Reply:
        """Sends a custom command to the users that it names, or to all.

        The answer's `absent` are those who are not in the room; where none of them is there, nothing is sent and the message id is 0.
        """
        actors = await self._actors(context.app, body.to_user_ids)
        to = tuple(actor for actor in actors.values() if actor is not None) if body.to_user_ids else None
        done = await self._send(context, Signal(body.session_id, body.text, to))
        sent = msgspec.json.decode(done.views[0].data, type=ev.CommandSent).to if done.views else ()
        absent = tuple(user_id for user_id, actor in actors.items() if actor not in sent)
        return reply_of(done, MessageSent(_message_id(done), absent))

    async def _actors(self, app: int, user_ids: tuple[str, ...]) -> dict[str, str | None]:
        if len(user_ids) > COMMAND_TARGETS:
            message = f"{len(user_ids)} users are named"
            raise invalid(
                Code.PARAMETER, "toUserIDs", message, limit=f"{COMMAND_TARGETS} users", hint="name nobody to reach all"
            )
        return {user_id: await self._people.known(app, check_user_id(user_id)) for user_id in user_ids}

    async def _send(self, context: CommandContext, message: Message) -> CommitResult:
        check_message(message.text)
        await self._count(context, message)

        def decide(room: RoomSnapshot[Members]) -> AppendUnit:
            events = domain.decide(room.state, message, at=self._clock.at(), ids=self._ids)
            actor = domain.actor_of(room.state, message.session_id)
            present = Claim("require", "client_session", context.app, actor, message.session_id, context.room)
            assert room.key is not None, "somebody is in the room"
            changes = (Append(room.key, domain.AGGREGATE, None, events),) if events else ()
            return context.make_unit(*changes, claims=(present,), actor=actor)

        try:
            return await self._cache.decide_and_commit(context, decide)
        except ClaimRefused:
            raise Rejection(
                Code.MESSAGE_ROOM, "you are not in this room any more", field="roomID", hint="log in first"
            ) from None

    async def _count(self, context: CommandContext, message: Message) -> None:
        """Counts a message of a member. One of somebody else is refused by the decision and counts against nobody."""
        room = await self._cache.load(context.app, context.room)
        if message.session_id not in room.state.actors:
            room = await self._cache.load(context.app, context.room, fresh=True)
        actor = room.state.actors.get(message.session_id)
        if actor is not None:
            self._rates.admit(context, actor, message)


def _message_id(done: CommitResult) -> int:
    return done.views[0].seq if done.views else 0
