"""What a room's seats are handed: live events to those who keep up, the record in pages to those who do not.

Promises. 1. Each seat is handed each event after its starting place once and in order, as itself or as a skip. 2. A seat whose client
has a full window is handed nothing more and remembers only its place: it costs its window and one page, however far behind it is.
3. From there it is brought forward, by the ring or the record, as fast as its client reads, until it stands where the room stands; then
it is told `live`. 4. A place whose history is not ours is answered by `resync` and a snapshot. The events of one turn of the loop go
out together: one write a seat.
"""

import asyncio
from collections.abc import Sequence

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import ReplayQuery
from parlour.gateway.domain.faces import snap_for
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.mirror import Entry, Mirror, entry_of
from parlour.gateway.domain.runs import named_in, portion, run_for
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import event_of
from parlour.runtime.telemetry.logging import logger

from .ports import History
from .seat import Channel, Place, Seat

TURN = 64
"""Events that go out together at most."""
PAGE = 100
"""Events that a seat behind the ring takes from the record at once."""
RETRY_S = 0.2

log = logger(__name__)


class Fanout:
    """The seats of one room name. `mirror` is set by the feed whenever another one takes over."""

    def __init__(self, app: int, room: str, history: History) -> None:
        self.mirror: Mirror | None = None
        self.seats: dict[str, Seat] = {}
        self._app = app
        self._room = room
        self._history = history
        self._turn: list[Entry] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def seat(self, seat: Seat) -> None:
        """From now on the seat is handed what comes; one that the session had before gets nothing more, not even on its new channel."""
        self.seats.pop(seat.session.session_id, None)
        self.flush()
        self.seats[seat.session.session_id] = seat

    def add(self, entry: Entry) -> None:
        """The mirror's next event; it goes out at the end of this turn of the loop."""
        if not self.seats:
            return
        if not self._turn:
            asyncio.get_running_loop().call_soon(self.flush)
        self._turn.append(entry)
        if len(self._turn) == TURN:
            self.flush()

    def flush(self) -> None:
        """Hands out what was added."""
        entries, self._turn = self._turn, []
        if not entries or self.mirror is None:
            return
        room_uid = self.mirror.state.room_uid
        named = named_in(entries)
        run = run_for("", self._room, room_uid, entries)
        for seat in self.seats.values():
            channel = seat.session.channel
            if channel is None or seat.behind is not None:
                continue
            theirs = run_for(seat.actor, self._room, room_uid, entries) if named and seat.actor in named else run
            if not channel.deliver(theirs):
                self.bring_forward(seat, channel, Place(room_uid, entries[0].seq - 1, entries[0].prev8))

    def bring_forward(self, seat: Seat, channel: Channel, place: Place, known: Sequence[Entry] = ()) -> None:
        """Takes a seat from its place to the present; `known` are the entries that follow the place, where somebody has them."""
        seat.falls_behind(place)
        if not self._handed(seat, channel, list(known)):
            task = asyncio.get_running_loop().create_task(self._bring_forward(seat, channel))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def start_anew(self, seat: Seat, reason: str) -> None:
        """A snapshot in the place of what the client holds; events follow from there."""
        assert self.mirror is not None
        self.flush()
        seat.behind = None
        if reason:
            seat.session.send(client.Resync(self._room, reason))
        seat.session.send(*snap_for(self.mirror.state, seat.session.session_id))

    def close(self) -> None:
        """Ends what runs."""
        for task in self._tasks:
            task.cancel()

    # one seat that is behind

    async def _bring_forward(self, seat: Seat, channel: Channel) -> None:
        entries: list[Entry] = []
        while self._holds(seat, channel) and not self._handed(seat, channel, entries):
            if not await channel.room():
                return
            if not entries and self._holds(seat, channel) and self._below_ring(seat):
                try:
                    entries = await self._page(seat)
                except Rejection as rejection:
                    log.warning("feed_waits", code=rejection.problem.code)
                    await asyncio.sleep(RETRY_S)

    def _handed(self, seat: Seat, channel: Channel, entries: list[Entry]) -> bool:
        """Hands over entries, then the ring's, while there is room; whether the seat is live (or has nothing to wait for)."""
        self.flush()
        mirror = self.mirror
        while seat.behind is not None and mirror is not None and seat.behind.room_uid == mirror.state.room_uid:
            if seat.behind.seq >= mirror.state.seq:
                seat.behind = None
                channel.put(to_text(client.Live(self._room, mirror.position)))
                break
            if not entries and self._below_ring(seat):
                return False
            part = portion(entries or mirror.since(seat.behind.seq))
            if not channel.deliver(run_for(seat.actor, self._room, seat.behind.room_uid, part)):
                return False
            seat.behind = Place(seat.behind.room_uid, part[-1].seq, part[-1].hash8)
            del entries[: len(part)]
        return True

    def _below_ring(self, seat: Seat) -> bool:
        return self.mirror is not None and seat.behind is not None and seat.behind.seq < self.mirror.floor

    def _holds(self, seat: Seat, channel: Channel) -> bool:
        """Whether the seat is still taken, by this connection."""
        return self.seats.get(seat.session.session_id) is seat and seat.session.channel is channel

    async def _page(self, seat: Seat) -> list[Entry]:
        """What follows the seat's place, from the record; a snapshot instead where the record knows another history."""
        place = seat.behind
        assert place is not None
        query = ReplayQuery(place.room_uid, place.seq, PAGE, place.hash8)
        page = await self._history.replay(self._app, self._room, query)
        if seat.behind != place or self.mirror is None:
            return []
        if page.diverged:
            self.start_anew(seat, "diverged")
        return [entry for entry in entries_of(page.events, self.mirror) if entry.seq <= self.mirror.state.seq]


def entries_of(views: Sequence[EventView], mirror: Mirror) -> list[Entry]:
    """A page of the record as entries; `mirror` knows the names of those who are still in the room."""
    faces = {user.actor: client.UserRef(user.user_id, user.user_name) for user in mirror.state.users}
    made: list[Entry] = []
    for view in views:
        event = event_of(view)
        if isinstance(event, ev.UserJoined):
            faces[event.actor] = client.UserRef(event.user_id, event.user_name)
        made.append(entry_of(mirror.state, view, event, view.prev[:16], faces.get))
    return made
