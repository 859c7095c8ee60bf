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
from parlour.contracts.codes import Code
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
from .readers import EVENTS_SCOPE, LATEST, Reader, Readers, ReadRequest

ROOMS_PER_CONNECTION = 256


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
            self.cursor.position = start  # `send` moves it, batch by batch, as far as the client takes them
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


class Subscriptions:
    """What all connections' subscriptions share, and their deliveries. `fault` is called with errors that are ours."""

    def __init__(
        self, readers: Readers, verifier: TokenVerifier, limiter: RequestLimiter, fault: Callable[[BaseException], None]
    ) -> None:
        self.readers = readers
        self.verifier = verifier
        self.limiter = limiter
        self.fault = fault
        self.deliveries: set[SubscriptionDelivery] = set()


class ConnectionSubscriptions:
    """One connection's subscriptions, by room, each delivered by a task of its own."""

    def __init__(self, shared: Subscriptions, channel: Channel) -> None:
        self._shared = shared
        self._channel = channel
        self._app = 0
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __bool__(self) -> bool:
        return bool(self._tasks)

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

    async def unsubscribe(self, frame: client.Unsubscribe) -> None:
        """Ends a subscription, and answers on the channel; the answer is the same for a room that is not followed."""
        await self._end(frame.room_id)
        self._channel.put(to_text(client.Res(str(frame.id))))

    def close(self) -> None:
        """Ends all subscriptions, since the connection is closed."""
        for task in self._tasks.values():
            task.cancel()

    async def _start(self, frame: client.Subscribe) -> None:
        check_room_id(frame.room_id)
        app, address = str(check_app_id(frame.app_id)) if frame.app_id else "", self._channel.address
        grant = await self._shared.verifier.authorize(frame.token, app, EVENTS_SCOPE, frame.room_id, address)
        self._shared.limiter.check_rate(grant)
        self._check_one_more(grant)
        self._app = grant.app
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        self._tasks[frame.room_id] = loop.create_task(self._run(frame, app, grant, answered))
        await asyncio.shield(answered)

    def _check_one_more(self, grant: Subscription) -> None:
        if self._tasks and self._app != grant.app:
            raise Rejection(
                Code.PARAMETER, "one connection follows rooms of one app", field="token", hint="open another connection"
            )
        if len(self._tasks) >= ROOMS_PER_CONNECTION:
            raise Rejection(
                Code.RATE_LIMITED, "the connection follows too many rooms", field="roomID", limit=str(ROOMS_PER_CONNECTION),
                hint="open another connection",
            )  # fmt: skip

    async def _end(self, room: str) -> None:
        task = self._tasks.get(room)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _run(
        self, frame: client.Subscribe, app: str, grant: Subscription, answered: "asyncio.Future[None]"
    ) -> None:
        """Runs a subscription to its end. `answered` is done when the request is answered, or refused."""
        try:
            await self._deliver(frame, app, grant, answered)
        except (Rejection, Invalid) as refused:
            self._refuse(frame.room_id, refused, answered)
        except Exception as error:
            self._shared.fault(error)
            failed = Rejection(Code.SERVER_ERROR, "the server failed", hint="try again")
            self._refuse(frame.room_id, failed, answered)
        finally:
            answered.cancel()
            if self._tasks.get(frame.room_id) is asyncio.current_task():
                del self._tasks[frame.room_id]

    async def _deliver(
        self, frame: client.Subscribe, app: str, grant: Subscription, answered: "asyncio.Future[None]"
    ) -> None:
        request, types = ReadRequest(frame.token, app, frame.room_id), check_types(frame.types)
        async with AsyncExitStack() as stack:
            stack.enter_context(self._shared.limiter.reader_slot(grant))
            reader, feed = await stack.enter_async_context(
                self._shared.readers.follow(grant, request, frame.after or LATEST, types)
            )
            delivery = SubscriptionDelivery(frame.room_id, reader, feed, self._channel)
            self._shared.deliveries.add(delivery)
            stack.callback(self._shared.deliveries.discard, delivery)
            anew = not frame.after or await reader.has_diverged()
            await reader.check_scope()
            left = max(0, math.ceil(reader.token_expires_in_s))
            mode = "snapshot" if anew else "tail"
            self._channel.put(to_text(client.Subscribed(id=str(frame.id), mode=mode, token_expires_in=left)))
            answered.set_result(None)
            if anew:
                delivery.restart("diverged" if frame.after else "")
            await delivery.run()

    def _refuse(self, room: str, refused: Rejection | Invalid, answered: "asyncio.Future[None]") -> None:
        """Answers a request that is refused, or ends a subscription that may not go on."""
        if not answered.done():
            answered.set_exception(refused)
        else:
            self._channel.put(to_text(client.End(room, refused.problem.code, refused.problem.message)))
