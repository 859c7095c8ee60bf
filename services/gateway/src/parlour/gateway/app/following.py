"""Subscriptions over a WebSocket: rooms that a connection follows by a token, without being in them.

Promises. 1. Each is a `Reader`: what it may see, what ends it and how soon, and its way over the lives of a room are those of the HTTP
feed. 2. Each event behind the place that its answer names comes once and in order, as `ev` or within a `skip`, or `resync` and a `snap`
come. 3. While the client's window is full nothing but the place is kept; the right to read is asked for again before it goes on.
4. Behind `end`, and behind the answer to `unsubscribe`, no frame of the room comes.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from parlour.contracts import client
from parlour.contracts.codes import Code, Problem
from parlour.contracts.ids import Invalid, Position, check_app_id, check_room_id, parse_position
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.access.token_verifier import TokenVerifier, evened_out
from parlour.gateway.domain.faces import snap_for
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.reading import check_types
from parlour.gateway.domain.runs import Run
from parlour.gateway.domain.subscribed import parts_of
from parlour.kernel.rejection import Rejection

from .readers import LATEST, Asked, Diverged, Reader, Readers
from .seat import Channel

ROOMS_MOST = 256
"""That one connection may follow."""
PAGE = 100
"""Events that a subscription takes from the record at once."""
SCOPE = "events"


class Followed:
    """One room that a connection follows. `behind_since`: monotonic seconds, None while it is live."""

    def __init__(self, room: str, app: int) -> None:
        self.room = room
        self.app = app
        self.reader: Reader | None = None
        self.turned = 0
        """The tail's count of replacements that it was told of."""
        self.behind_since: float | None = time.monotonic()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None

    @property
    def lag(self) -> int:
        """Events of the room that it has not been handed, as far as they are of the life that it reads."""
        mirror = self.reader.tail.feed.mirror if self.reader is not None and self.reader.tail is not None else None
        if self.reader is None or mirror is None or mirror.state.room_uid != self.reader.place.room_uid:
            return 0
        return max(0, mirror.state.seq - self.reader.place.seq)


class Standing:
    """A reader that stands at its room's end. See `present.Follower`."""

    __slots__ = ("_channel", "_reader")

    def __init__(self, reader: Reader, channel: Channel) -> None:
        self._reader = reader
        self._channel = channel

    @property
    def place(self) -> Position:
        """Behind the last that it has."""
        return self._reader.place

    def take(self, run: Run, place: Position) -> bool:
        """Hands it over, while its right to read is certain and the window has room."""
        if not self._reader.certain or not self._channel.deliver(run):
            return False
        self._reader.place = place
        return True

    def wake(self) -> None:
        """It looks for itself."""
        self._reader.changed.set()


class Subscribers:
    """Every subscription over a WebSocket of this gateway. `fault` hears of errors that are ours."""

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
        self.open: set[Followed] = set()

    def of(self, channel: Channel) -> "Following":
        """Those of a new connection: none."""
        return Following(self, channel)


class Following:
    """One connection's subscriptions, by room."""

    def __init__(self, among: Subscribers, channel: Channel) -> None:
        self._among = among
        self._channel = channel
        self._rooms: dict[str, Followed] = {}

    def __bool__(self) -> bool:
        return bool(self._rooms)

    async def subscribe(self, frame: client.Subscribe) -> None:
        """Answers on the channel, and follows from there. An earlier subscription to the room ends first."""
        began = time.monotonic()
        await self._leave(frame.room_id)
        try:
            await self._begin(frame)
        except Rejection as refused:
            if refused.problem.code == Code.FORBIDDEN:
                await evened_out(began)
            raise

    async def unsubscribe(self, frame: client.Unsubscribe) -> client.Res:
        """The answer; a room that is not followed is left already."""
        await self._leave(frame.room_id)
        return client.Res(str(frame.id))

    def close(self) -> None:
        """The connection is gone."""
        for followed in tuple(self._rooms.values()):
            if followed.task is not None:
                followed.task.cancel()

    async def _begin(self, frame: client.Subscribe) -> None:
        check_room_id(frame.room_id)
        app = str(check_app_id(frame.app_id)) if frame.app_id else ""
        who = await self._among.principals.allowed(frame.token, app, SCOPE, frame.room_id, self._channel.address)
        self._among.admission.pace(who)
        self._check_place(who)
        followed = self._rooms[frame.room_id] = Followed(frame.room_id, who.app)
        followed.task = asyncio.get_running_loop().create_task(self._run(followed, frame, who, app))
        self._among.open.add(followed)
        await asyncio.shield(followed.answered)

    def _check_place(self, who: Subscription) -> None:
        if any(one.app != who.app for one in self._rooms.values()):
            raise Rejection.of(
                Code.PARAMETER, "one connection follows rooms of one app", field="token", hint="open another connection"
            )
        if len(self._rooms) >= ROOMS_MOST:
            raise Rejection.of(
                Code.RATE_LIMITED, "the connection follows too many rooms", field="roomID", limit=str(ROOMS_MOST),
                hint="open another connection",
            )  # fmt: skip

    async def _leave(self, room: str) -> None:
        followed = self._rooms.get(room)
        if followed is not None and followed.task is not None:
            followed.task.cancel()
            await asyncio.wait((followed.task,))

    # one subscription

    async def _run(self, followed: Followed, frame: client.Subscribe, who: Subscription, app: str) -> None:
        try:
            await self._follow(followed, frame, who, app)
        except (Rejection, Invalid) as refused:
            self._over(followed, refused)
        except Exception as error:
            self._among.fault(error)
            self._over(followed, Rejection(Problem(int(Code.SERVER_ERROR), "the server failed", hint="try again")))
        finally:
            followed.answered.cancel()
            self._among.open.discard(followed)
            if self._rooms.get(followed.room) is followed:
                del self._rooms[followed.room]

    async def _follow(self, followed: Followed, frame: client.Subscribe, who: Subscription, app: str) -> None:
        asked, types = Asked(frame.token, app, frame.room_id, SCOPE), check_types(frame.types)
        async with AsyncExitStack() as held:
            held.enter_context(self._among.admission.reading(who))
            reader = followed.reader = await held.enter_async_context(
                self._among.readers.open(who, asked, frame.after or LATEST, types, follows=True)
            )
            anew = not frame.after or await self._diverged(reader)
            await reader.sight()
            left = max(0, who.expires_s - int(time.time()))
            mode = "snapshot" if anew else "tail"
            self._channel.put(to_text(client.Subscribed(id=str(frame.id), mode=mode, token_expires_in=left)))
            followed.answered.set_result(None)
            followed.turned = reader.tail.turned if reader.tail is not None else 0
            if anew:
                self._start_anew(followed, reader, "diverged" if frame.after else "")
            await self._hand_on(followed, reader)

    async def _hand_on(self, followed: Followed, reader: Reader) -> None:
        """Page after page, for as long as there is a right to it and a connection."""
        while not reader.closing:
            before = reader.place
            try:
                page = await reader.page(PAGE)
            except Diverged:
                await reader.sight()
                self._start_anew(followed, reader, "diverged")
                continue
            if reader.tail is not None and reader.tail.turned != followed.turned:
                self._start_anew(followed, reader, "diverged")
                continue
            mirror = reader.tail.feed.mirror if reader.tail is not None else None
            for run, place in parts_of(followed.room, page.items, mirror):
                if not self._channel.deliver(run):
                    break
                before = place
            else:
                if not page.more and (not page.items or reader.arrived):
                    self._is_live(followed, reader.place)
                    await self._stand(followed, reader)
                continue
            reader.jump(before)
            followed.behind_since = followed.behind_since or time.monotonic()
            if not await self._channel.room():
                return

    async def _stand(self, followed: Followed, reader: Reader) -> None:
        """Is handed what happens until there is something to look at. Who reads on behalf of a user looks at each event: it may be an
        end to the right to read.
        """
        if reader.tail is None or reader.seen is None or reader.seen.actor:
            await reader.wait(float("inf"))
            return
        reader.tail.readers.discard(reader.changed)
        try:
            with reader.tail.present.standing(reader.seen, reader.types, Standing(reader, self._channel)):
                await reader.wait(float("inf"))
        finally:
            reader.tail.readers.add(reader.changed)

    @staticmethod
    async def _diverged(reader: Reader) -> bool:
        """Whether the place that the client holds is not in our history."""
        place = reader.place
        try:
            await reader.page(1)
        except Diverged:
            return True
        reader.jump(place)
        return False

    def _start_anew(self, followed: Followed, reader: Reader, reason: str) -> None:
        """A snapshot; its place and the events behind it fit, since nothing happens in between."""
        followed.turned = reader.tail.turned if reader.tail is not None else 0
        followed.behind_since = followed.behind_since or time.monotonic()
        mirror = reader.tail.feed.mirror if reader.tail is not None else None
        assert mirror is not None, "it was reached when the reader was opened"
        if reason:
            self._channel.put(to_text(client.Resync(followed.room, reason)))
        self._channel.put(*map(to_text, snap_for(mirror.state, "")))
        reader.jump(parse_position(mirror.position))

    def _is_live(self, followed: Followed, place: Position) -> None:
        if followed.behind_since is not None:
            followed.behind_since = None
            self._channel.put(to_text(client.Live(followed.room, str(place))))

    def _over(self, followed: Followed, refused: Rejection | Invalid) -> None:
        """It could not begin, or may not go on."""
        if not followed.answered.done():
            followed.answered.set_exception(refused)
            return
        problem = refused.problem
        self._channel.put(to_text(client.End(followed.room, problem.code, problem.message)))
