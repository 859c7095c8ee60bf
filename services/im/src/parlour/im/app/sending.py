"""The three kinds of messages, from command to fact."""

from collections import OrderedDict

import msgspec

from parlour.contracts import commands as contract
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.commands import MessageSent, Reply
from parlour.contracts.ids import COMMAND_TARGETS, check_message, check_user_id, invalid
from parlour.im.domain import messages
from parlour.im.domain.messages import Barrage, Broadcast, Message, Room, Signal
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.log import Claim
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Change, ClaimRefused, Done, Draft, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit

from .rates import Rates

REMEMBERED = 10_000
"""Command ids that were counted lately: a repetition is not counted again."""


class Sending:
    """Handlers. A message has no expected version; that its sender is in the room is required of the log in the same unit."""

    def __init__(
        self, cache: StateCache[Room], committer: Committer, people: People, clock: Clock, ids: Ids, rates: Rates
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._people = people
        self._clock = clock
        self._ids = ids
        self._rates = rates
        self._counted: OrderedDict[tuple[int, str], None] = OrderedDict()

    async def broadcast(self, call: Call, body: contract.SendBroadcast) -> Reply:
        """To all of the room but the sender."""
        done = await self._send(call, Broadcast(body.session_id, body.text))
        return reply_of(done, MessageSent(_message_id(done)))

    async def barrage(self, call: Call, body: contract.SendBarrage) -> Reply:
        """To all of the room but the sender, more often."""
        done = await self._send(call, Barrage(body.session_id, body.text))
        return reply_of(done, MessageSent(_message_id(done)))

    async def command(self, call: Call, body: contract.SendCommand) -> Reply:
        """To the users named, or to all. `absent` are those who are not in the room; with none there, nothing is sent (message id 0)."""
        actors = await self._actors(call.app, body.to_user_ids)
        to = tuple(actor for actor in actors.values() if actor is not None) if body.to_user_ids else None
        done = await self._send(call, Signal(body.session_id, body.text, to))
        reached = frozenset(_reached(done))
        absent = tuple(user_id for user_id, actor in actors.items() if actor not in reached)
        return reply_of(done, MessageSent(_message_id(done), absent))

    async def _actors(self, app: int, user_ids: tuple[str, ...]) -> dict[str, str | None]:
        if len(user_ids) > COMMAND_TARGETS:
            message = f"{len(user_ids)} users are named"
            raise invalid(
                Code.PARAMETER, "toUserIDs", message, limit=f"{COMMAND_TARGETS} users", hint="name nobody to reach all"
            )
        return {user_id: await self._people.known(app, check_user_id(user_id)) for user_id in user_ids}

    async def _send(self, call: Call, message: Message) -> Done:
        check_message(message.text)
        await self._count(call, message)

        def decide(room: Loaded[Room]) -> Draft:
            events = messages.decide(room.state, message, at=self._clock.at(), ids=self._ids)
            actor = messages.speaker(room.state, message.session_id)
            seat = Claim("require", "client_session", call.app, actor, message.session_id, call.room)
            assert room.key is not None, "somebody is in the room"
            changes = (Change(room.key, messages.AGGREGATE, None, events),) if events else ()
            return call.draft(*changes, claims=(seat,), actor=actor)

        try:
            return await decide_and_commit(self._cache, self._committer, call, decide)
        except ClaimRefused:
            raise Rejection.of(
                Code.MESSAGE_ROOM, "you are not in this room any more", field="roomID", hint="log in first"
            ) from None

    async def _count(self, call: Call, message: Message) -> None:
        """Counts a message of somebody in the room; who is not there is refused later and uses up nobody's share."""
        if (call.app, call.command_id) in self._counted:
            return
        room = await self._cache.load(call.app, call.room)
        if message.session_id not in room.state.actors:
            room = await self._cache.load(call.app, call.room, fresh=True)
        actor = room.state.actors.get(message.session_id)
        if actor is None:
            return
        self._rates.admit(call.app, call.room, actor, message)
        self._counted[call.app, call.command_id] = None
        if len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)


def _message_id(done: Done) -> int:
    return done.views[0].seq if done.views else 0


def _reached(done: Done) -> tuple[str, ...]:
    return msgspec.json.decode(done.views[0].data, type=ev.CommandSent).to if done.views else ()
