"""Subscriptions over a WebSocket: rooms that a connection follows by a token, without being in them.

Promises. 1. What a subscription may see, what ends it and how soon, and its way over the calls of a room are those of every reader
(`readers`). 2. Each event behind the position that its answer names comes once and in order, as `ev` or within a `skip`, or `resync` and
a `snap` come. 3. While the client's window is full nothing but the position is kept; the right to read is checked again before delivery
goes on. 4. Behind `end`, and behind the answer to `unsubscribe`, no frame of the room comes.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from parlour.contracts import client
from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import Invalid, check_app_id, check_room_id
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.access.token_verifier import TokenVerifier, pad_refusal
from parlour.gateway.app.sessions.session import Channel
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.read_scope import ReadScope, check_types
from parlour.kernel.rejection import Rejection

from .channel_delivery import EVENTS_PER_PAGE, ChannelDelivery
from .feed import RoomFeed
from .readers import LATEST, Reader, Readers, ReadRequest

ROOMS_PER_CONNECTION = 256
EVENTS_SCOPE = "events"
"""The scope that the token must have."""


class SubscriptionDelivery(ChannelDelivery):
    """Delivers a room to one subscription, for as long as its reader may read."""

    __slots__ = ("_channel", "_feed", "_reader", "_resets")

    def __init__(self, room: str, reader: Reader, feed: RoomFeed, channel: Channel) -> None:
        super().__init__(room, reader.cursor)
        self._channel = channel
        self._feed = feed
        self._reader = reader
        self._resets = feed.resets
        self.mark_lagging()

    @property
    def channel(self) -> Channel:
        """The channel of the connection that subscribed."""
        return self._channel

    @property
    def scope(self) -> ReadScope:
        """What the token allowed at the last check."""
        return self._reader.last_scope

    def push(self, batches: Sequence[FrameBatch]) -> bool:
        """Sends batches as `ChannelDelivery` does; sends nothing, and returns False, while the token may have ended."""
        return self._reader.is_certain and super().push(batches)

    def start_catch_up(self) -> None:
        """Wakes `run`, which reads on from the position."""
        self._reader.changed.set()

    def restart(self, reason: str) -> None:
        """Sends a snapshot; the events behind it follow, then `live`."""
        self._resets = self._feed.resets
        self.mark_lagging()
        self.send_snapshot(reason)

    async def run(self) -> None:
        """Delivers page after page until the gateway stops or the connection is over. `Rejection` when the right to read ends."""
        while not self._reader.closing:
            start = self.position
            page = await self._reader.read_page(EVENTS_PER_PAGE)
            if page.diverged or self._resets != self._feed.resets:
                await self._reader.check_scope()
                self.restart("diverged")
                continue
            self.cursor.position = start
            if not self.send(page.items):
                self.mark_lagging()
                if not await self._channel.wait_writable():
                    return
            elif not page.more and (not page.items or self.cursor.is_caught_up):
                self.mark_live()
                await self._wait_live()

    async def _wait_live(self) -> None:
        """Is a push target until `changed` is set. A reader on behalf of a user checks its token for each event instead, since any may end
        its right to read; so does one that the record has led beyond this gateway's mirror.
        """
        if self.scope.actor or not self.cursor.is_caught_up:
            await self._reader.wait(float("inf"))
            return
        self._feed.wakers.discard(self._reader.changed)
        self._feed.fanout.add(self)
        try:
            await self._reader.wait(float("inf"))
        finally:
            self._feed.fanout.discard(self)
            self._feed.wakers.add(self._reader.changed)


class RoomSubscription:
    """One room that a connection follows; `answered` is done when the request was answered, or failed."""

    def __init__(self, room: str, app: int) -> None:
        self.room = room
        self.app = app
        self.delivery: SubscriptionDelivery | None = None
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None


class Subscriptions:
    """Every subscription over a WebSocket of this gateway. `fault` is called with errors that are ours."""

    def __init__(
        self,
        readers: Readers,
        principals: TokenVerifier,
        admission: RequestLimiter,
        fault: Callable[[BaseException], None],
    ) -> None:
        self.readers = readers
        self.principals = principals
        self.admission = admission
        self.fault = fault
        self.open: set[RoomSubscription] = set()

    def for_connection(self, channel: Channel) -> "ConnectionSubscriptions":
        """Returns the subscriptions of a new connection, which has none yet."""
        return ConnectionSubscriptions(self, channel)


class ConnectionSubscriptions:
    """One connection's subscriptions, by room."""

    def __init__(self, shared: Subscriptions, channel: Channel) -> None:
        self._shared = shared
        self._channel = channel
        self._rooms: dict[str, RoomSubscription] = {}

    def __bool__(self) -> bool:
        return bool(self._rooms)

    async def subscribe(self, frame: client.Subscribe) -> None:
        """Starts a subscription, and answers on the channel. An earlier subscription to the room ends first."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._end(frame.room_id)
        try:
            await self._start(frame)
        except Rejection as refused:
            if refused.problem.code == Code.FORBIDDEN:
                await pad_refusal(loop.time() - began)
            raise

    async def unsubscribe(self, frame: client.Unsubscribe) -> client.Res:
        """Ends a subscription and returns the answer, the same for a room that is not followed."""
        await self._end(frame.room_id)
        return client.Res(str(frame.id))

    def close(self) -> None:
        """Ends all subscriptions, since the connection is closed."""
        for one in tuple(self._rooms.values()):
            if one.task is not None:
                one.task.cancel()

    async def _start(self, frame: client.Subscribe) -> None:
        check_room_id(frame.room_id)
        app = str(check_app_id(frame.app_id)) if frame.app_id else ""
        who = await self._shared.principals.authorize(
            frame.token, app, EVENTS_SCOPE, frame.room_id, self._channel.address
        )
        self._shared.admission.check_rate(who)
        self._check_one_more(who)
        one = self._rooms[frame.room_id] = RoomSubscription(frame.room_id, who.app)
        one.task = asyncio.get_running_loop().create_task(self._run(one, frame, who, app))
        self._shared.open.add(one)
        await asyncio.shield(one.answered)

    def _check_one_more(self, who: Subscription) -> None:
        if any(one.app != who.app for one in self._rooms.values()):
            raise Rejection.of(
                Code.PARAMETER, "one connection follows rooms of one app", field="token", hint="open another connection"
            )
        if len(self._rooms) >= ROOMS_PER_CONNECTION:
            raise Rejection.of(
                Code.RATE_LIMITED, "the connection follows too many rooms", field="roomID", limit=str(ROOMS_PER_CONNECTION),
                hint="open another connection",
            )  # fmt: skip

    async def _end(self, room: str) -> None:
        one = self._rooms.get(room)
        if one is not None and one.task is not None:
            one.task.cancel()
            await asyncio.wait((one.task,))

    async def _run(self, one: RoomSubscription, frame: client.Subscribe, who: Subscription, app: str) -> None:
        try:
            await self._deliver(one, frame, who, app)
        except (Rejection, Invalid) as refused:
            self._refuse(one, refused)
        except Exception as error:
            self._shared.fault(error)
            self._refuse(one, Rejection(Problem(int(Code.SERVER_ERROR), "the server failed", hint="try again")))
        finally:
            one.answered.cancel()
            self._shared.open.discard(one)
            if self._rooms.get(one.room) is one:
                del self._rooms[one.room]

    async def _deliver(self, one: RoomSubscription, frame: client.Subscribe, who: Subscription, app: str) -> None:
        request, types = ReadRequest(frame.token, app, frame.room_id, EVENTS_SCOPE), check_types(frame.types)
        async with AsyncExitStack() as stack:
            stack.enter_context(self._shared.admission.reader_slot(who))
            reader, feed = await stack.enter_async_context(
                self._shared.readers.follow(who, request, frame.after or LATEST, types)
            )
            delivery = one.delivery = SubscriptionDelivery(frame.room_id, reader, feed, self._channel)
            anew = not frame.after or await reader.has_diverged()
            await reader.check_scope()
            left = max(0, math.ceil(reader.token_expires_in_s))
            mode = "snapshot" if anew else "tail"
            self._channel.put(to_text(client.Subscribed(id=str(frame.id), mode=mode, token_expires_in=left)))
            one.answered.set_result(None)
            if anew:
                delivery.restart("diverged" if frame.after else "")
            await delivery.run()

    def _refuse(self, one: RoomSubscription, refused: Rejection | Invalid) -> None:
        """Answers a request that is refused, or ends a subscription that may not go on."""
        if not one.answered.done():
            one.answered.set_exception(refused)
            return
        problem = refused.problem
        self._channel.put(to_text(client.End(one.room, problem.code, problem.message)))
