"""Which sessions have gone silent: a machine without I/O.

Gateways say every second which sessions they hold, registries which are there by their media (with no room: in whichever).
`handle_*(…, now)` takes in what was heard, `poll(now)` gives what follows. `now` is monotonic seconds. Rules:
1. Time counts only while we can hear. Our own beat, sent and received the same way as theirs, proves it: the time between two of our beats
   is `heard` time if they are at most `HEARING_GAP_S` apart, otherwise it is none of the sessions' fault and counts for nobody.
2. A session is suspended when it was in no gateway's beat for `grace_s` of heard time, and we have heard for `grace_s` without a break:
   after our own start, a lost connection or a stall everybody has a full grace to be heard again.
3. A suspended session that is heard is resumed.
4. Each change is given once, until `handle_suspended` or `handle_resumed` tells otherwise.
"""

from collections.abc import Iterable

import msgspec

HEARING_GAP_S = 3.0
"""Three of our beats: one may be lost and one late."""


class SessionKey(msgspec.Struct, frozen=True):
    """One session in one room."""

    app: int
    room: str
    session_id: str


class Silent(msgspec.Struct, frozen=True):
    """A session to suspend, and for how long it has not been heard."""

    key: SessionKey
    silent_s: float


class Changes(msgspec.Struct, frozen=True):
    """What follows from the beats."""

    suspend: tuple[Silent, ...]
    resume: tuple[SessionKey, ...]


class _Watched:
    """`heard_at` is on the clock of heard time; None: not heard by this process."""

    __slots__ = ("asked", "heard_at", "since", "suspended")

    def __init__(self, since: float, suspended: bool) -> None:
        self.since = since
        self.heard_at: float | None = None
        self.suspended = suspended
        self.asked = False

    @property
    def last(self) -> float:
        return self.since if self.heard_at is None else self.heard_at


class Presence:
    """The sessions of all rooms, watched for silence."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._watched: dict[SessionKey, _Watched] = {}
        self._by_session: dict[tuple[int, str], set[SessionKey]] = {}
        self._heard = 0.0
        self._steady_from = 0.0
        self._proved_at: float | None = None

    def __len__(self) -> int:
        return len(self._watched)

    def handle_own_beat(self, now: float) -> None:
        """Our own beat arrived: we can hear."""
        if self._proved_at is not None and now - self._proved_at <= HEARING_GAP_S:
            self._heard += now - self._proved_at
        else:
            self._steady_from = self._heard
        self._proved_at = now

    def handle_break(self) -> None:
        """We certainly missed something."""
        self._proved_at = None

    def handle_beat(self, keys: Iterable[SessionKey]) -> None:
        """These sessions are there."""
        for key in keys:
            for each in (key,) if key.room else self._by_session.get((key.app, key.session_id), ()):
                watched = self._watched.get(each)
                if watched is not None:
                    watched.heard_at = self._heard

    def handle_joined(self, key: SessionKey, *, suspended: bool = False) -> None:
        """The session is in the room; nothing changes for one that is watched already."""
        if key not in self._watched:
            self._watched[key] = _Watched(self._heard, suspended)
            self._by_session.setdefault((key.app, key.session_id), set()).add(key)

    def handle_suspended(self, key: SessionKey) -> None:
        """The log has it as suspended."""
        self._note(key, suspended=True)

    def handle_resumed(self, key: SessionKey) -> None:
        """The log has it as connected."""
        self._note(key, suspended=False)

    def handle_gone(self, key: SessionKey) -> None:
        """The session is not in the room any more."""
        self._watched.pop(key, None)
        rooms = self._by_session.get((key.app, key.session_id), set())
        rooms.discard(key)
        if not rooms:
            self._by_session.pop((key.app, key.session_id), None)

    def keys(self) -> frozenset[SessionKey]:
        """Who is watched."""
        return frozenset(self._watched)

    def poll(self, now: float) -> Changes:
        """Who is to be suspended and resumed."""
        resume = [key for key, watched in self._watched.items() if self._back(watched)]
        suspend = [
            Silent(key, self._heard - watched.last)
            for key, watched in self._watched.items()
            if self._lost(watched, now)
        ]
        for key in (*resume, *(silent.key for silent in suspend)):
            self._watched[key].asked = True
        return Changes(tuple(suspend), tuple(resume))

    def retry(self, key: SessionKey) -> None:
        """What was asked for this session could not be done: ask again."""
        watched = self._watched.get(key)
        if watched is not None:
            watched.asked = False

    def steady(self, now: float) -> bool:
        """Whether we have heard for a full grace without a break, up to now."""
        hearing = self._proved_at is not None and now - self._proved_at <= HEARING_GAP_S
        return hearing and self._heard - self._steady_from >= self._grace_s

    def connected(self, key: SessionKey) -> bool:
        """Whether some gateway held the session within the grace."""
        watched = self._watched.get(key)
        return watched is not None and watched.heard_at is not None and self._heard - watched.heard_at < self._grace_s

    def silent_s(self, key: SessionKey) -> float | None:
        """Heard time since the session was last heard; None where this process never heard it."""
        watched = self._watched.get(key)
        return None if watched is None or watched.heard_at is None else self._heard - watched.heard_at

    def _note(self, key: SessionKey, *, suspended: bool) -> None:
        watched = self._watched.get(key)
        if watched is not None:
            watched.suspended = suspended
            watched.asked = False

    def _back(self, watched: _Watched) -> bool:
        fresh = watched.heard_at is not None and self._heard - watched.heard_at < self._grace_s
        return watched.suspended and fresh and not watched.asked

    def _lost(self, watched: _Watched, now: float) -> bool:
        quiet = self._heard - watched.last >= self._grace_s
        return quiet and not watched.suspended and not watched.asked and self.steady(now)
