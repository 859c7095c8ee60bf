"""A room of ten thousand: each page fits the bus and a client's frame, and the pages make the state again."""

from uuid import UUID

import msgspec

from parlour.contracts.codes import Code, Problem
from parlour.contracts.queries import RoomState, Snapshot, SnapshotQuery, StreamState, UserState
from parlour.gateway.domain.client_views import PAGE_BYTES, snapshot_frames, snapshot_of
from parlour.gateway.domain.frames import to_text
from parlour.kernel.paging import page_of, whole
from parlour.kernel.view import empty_room

NATS_CARRIES = 1024 * 1024
USERS = tuple(UserState(f"s{n}", f"actor{n}", f"user-{n}", f"Üser {n}", False, n) for n in range(10_000))
CROWD = tuple(sorted(user.session_id for user in USERS))


def stream(number: int, players: tuple[str, ...] = ()) -> StreamState:
    return StreamState(
        f"st{number}", f"s{number}", f"actor{number}", "n1", "t1", "x" * 500, "VP8", True, True, number, players
    )


def large_room(seq: int = 10_500) -> RoomState:
    streams = (stream(0, CROWD), *(stream(n) for n in range(1, 500)))
    room = empty_room(1, "r", str(UUID(int=1)))
    return msgspec.structs.replace(room, seq=seq, users=USERS, streams=streams, messages=7)


class Record:
    """Answers as the record does, while the room moves on."""

    def __init__(self, most: int | None = None) -> None:
        self.asked: list[SnapshotQuery] = []
        self.sizes: list[int] = []
        self.most = most

    async def ask(self, query: SnapshotQuery) -> Snapshot:
        self.asked.append(query)
        if self.most is not None and len(self.asked) > self.most:
            return Snapshot(problem=Problem(int(Code.UNAVAILABLE), "away"))
        newest = 10_500 + len(self.asked)
        page = page_of(large_room(newest if query.seq is None else query.seq), query.after)
        self.sizes.append(len(msgspec.json.encode(page)))
        return page


async def test_pages_of_one_position_make_the_state_again() -> None:
    record = Record()
    answer = await whole(record.ask, SnapshotQuery())
    assert answer.state == large_room(10_501)
    assert len(record.asked) > 3
    assert {(query.room_uid, query.seq) for query in record.asked[1:]} == {(str(UUID(int=1)), 10_501)}
    assert max(record.sizes) < NATS_CARRIES


async def test_a_refusal_on_the_way_is_the_answer() -> None:
    answer = await whole(Record(most=2).ask, SnapshotQuery())
    assert answer.problem is not None
    assert answer.problem.code == Code.UNAVAILABLE


async def test_a_room_that_was_never_opened_has_no_pages() -> None:
    async def nothing(query: SnapshotQuery) -> Snapshot:
        return Snapshot()

    assert await whole(nothing, SnapshotQuery()) == Snapshot()


def test_a_small_room_is_one_page() -> None:
    small = msgspec.structs.replace(large_room(), users=USERS[:3], streams=(stream(1, ("s1", "s2")),))
    assert page_of(small, 0) == Snapshot(small)
    assert snapshot_frames(small, "s0") == ((), snapshot_of(small, "s0"))


def test_a_client_gets_frames_of_64_kb_that_make_the_lists() -> None:
    state = large_room()
    pages, rest = snapshot_frames(state, "s7")
    lists = snapshot_of(state, "s7")
    assert len(pages) > 5
    assert tuple(user for page in (*pages, rest) for user in page.users) == lists.users
    assert tuple(stream for page in (*pages, rest) for stream in page.streams) == lists.streams
    assert rest.pos == lists.pos
    sizes = [len(to_text(frame).encode()) for frame in (*pages, rest)]
    assert max(sizes) <= 64 * 1024
    assert min(sizes[:-1]) > PAGE_BYTES // 2
