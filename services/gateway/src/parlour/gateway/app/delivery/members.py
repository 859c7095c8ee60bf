"""Delivery to the members of a room: live events to those who keep up, the buffer's or the record's to those who do not."""

import asyncio
from collections.abc import Sequence

from parlour.contracts.ids import Position
from parlour.gateway.app.sessions.session import Channel, RoomMember
from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.gateway.domain.frame_batch import merge_skips
from parlour.gateway.domain.read_scope import ReadScope
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

from .channel_delivery import EVENTS_PER_PAGE, ChannelDelivery
from .cursor import Cursor, HistoryDiverged
from .fanout import Fanout

RETRY_S = 0.2
"""Seconds between two questions to a record that does not answer."""

log = logger(__name__)


class MemberDelivery(ChannelDelivery):
    """Delivers a room to one member, from its creation until `close`.

    A member whose window is full costs its position, and one page while it catches up. It is never taken beyond this gateway's mirror, so
    that it is live where the mirror stands.
    """

    __slots__ = ("_closed", "_fanout", "_task", "member", "scope")

    def __init__(self, member: RoomMember, cursor: Cursor, fanout: Fanout) -> None:
        super().__init__(member.room, cursor, member.session.session_id)
        self.member = member
        self.scope = ReadScope(actor=member.actor, room_uid=cursor.position.room_uid)
        self._fanout = fanout
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        fanout.add(self)

    @property
    def channel(self) -> Channel | None:
        """The channel of the member's session."""
        return self.member.session.channel

    def close(self) -> None:
        """Ends the delivery; the member is sent nothing more, not even on a new channel."""
        self._closed = True
        self._fanout.discard(self)
        if self._task is not None:
            self._task.cancel()

    def resume(self, position: Position, known: Sequence[EncodedEvent] = ()) -> None:
        """Continues behind the position that the client holds; `known` are events behind it that were read from the record."""
        self.cursor.position = position
        self.start_catch_up(known)

    def restart(self, reason: str) -> None:
        """Sends a snapshot; live events follow."""
        self._fanout.flush()
        self.send_snapshot(reason)
        self._join_live()

    def reset(self, reason: str) -> None:
        """Restarts the member since the room's mirror was replaced, unless it lags and can go on from the record."""
        mirror = self.cursor.mirror
        is_same_call = mirror is not None and mirror.state.room_uid == self.position.room_uid
        if reason == "diverged" or not self.is_lagging or not is_same_call:
            self.restart(reason)

    def start_catch_up(self, known: Sequence[EncodedEvent] = ()) -> None:
        """Sends what follows the position, at once as far as the window and the buffer reach, the rest as the client reads."""
        channel = self.channel
        self._fanout.discard(self)
        self.mark_lagging()
        fetched = self._up_to_mirror(known)
        if channel is not None and not self._send_available(fetched):
            self._task = asyncio.get_running_loop().create_task(self._catch_up(channel, fetched))

    async def _catch_up(self, channel: Channel, fetched: list[EncodedEvent]) -> None:
        while self._is_catching_up(channel) and not self._send_available(fetched):
            if not await channel.wait_writable():
                return
            if not fetched and self._is_catching_up(channel) and self.cursor.peek_buffer(1) is None:
                fetched += await self._fetch()

    def _send_available(self, fetched: list[EncodedEvent]) -> bool:
        """Sends fetched events, then the buffer's, while the window has room; what is sent leaves `fetched`. Whether the member is live."""
        while True:
            buffered = self.cursor.peek_buffer(EVENTS_PER_PAGE) if not fetched else None
            if not fetched and buffered is None:
                return False
            events = buffered.events if buffered is not None else fetched
            if not events:
                self.mark_live()
                self._join_live()
                return True
            taken = self.send(merge_skips(events, self.scope))
            fetched[:] = [event for event in fetched if event.seq > self.position.seq]
            if not taken:
                return False

    async def _fetch(self) -> list[EncodedEvent]:
        """Reads a page of the record; a position of another history is answered by a snapshot."""
        position = self.position
        events: list[EncodedEvent] = []
        try:
            found = await self.cursor.fetch(EVENTS_PER_PAGE)
            events = self._up_to_mirror(found.events)
        except HistoryDiverged:
            if self.position == position and not self._closed:
                self.restart("diverged")
        except Rejection as rejection:
            log.warning("feed_waits", code=rejection.problem.code)
        if not events and self.is_lagging:
            await asyncio.sleep(RETRY_S)
        return events if self.position == position else []

    def _up_to_mirror(self, events: Sequence[EncodedEvent]) -> list[EncodedEvent]:
        mirror = self.cursor.mirror
        return [event for event in events if mirror is not None and event.seq <= mirror.state.seq]

    def _is_catching_up(self, channel: Channel) -> bool:
        return not self._closed and self.is_lagging and self.channel is channel

    def _join_live(self) -> None:
        self.lagging_since = None
        self._task = None  # it ends by itself
        self._fanout.add(self)
