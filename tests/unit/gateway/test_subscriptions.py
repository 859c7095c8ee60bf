"""A room followed over a WebSocket: each number once and in order however the client reads, and nothing behind the end of its right."""

import asyncio
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.request_limits import RequestLimiter, RequestLimits
from parlour.gateway.app.access.token_verifier import TokenVerifier
from parlour.gateway.app.delivery.channel_delivery import Lag, measure_lag
from parlour.gateway.app.delivery.fanout import EVENTS_PER_TICK
from parlour.gateway.app.delivery.feeds import RoomFeeds
from parlour.gateway.app.delivery.history_cache import SharedHistory
from parlour.gateway.app.delivery.readers import Readers, ReadRequest
from parlour.gateway.app.delivery.subscriptions import ConnectionSubscriptions, Subscriptions
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.room_mirror import BUFFER_EVENTS
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import Gateway
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock
from parlour.runtime.telemetry.metrics import Metrics
from parlour.testkit.story import Story


class House:
    """One room's story, a gateway's readers of it, and tokens that are good until `ends`."""

    def __init__(self) -> None:
        self.story = Story()
        self.errors: list[BaseException] = []
        self.refusal: Rejection | None = None
        self._watchers: set[asyncio.Event] = set()
        self.feeds = RoomFeeds(self, self.story, lambda member, ending: None)
        verifier = cast("TokenVerifier", self)
        shared = SharedHistory(self.story, time.monotonic)
        self.readers = Readers(shared, self.feeds, verifier, SystemClock(), use_local_mirror=True)
        self.subscribers = Subscriptions(
            self.readers, verifier, RequestLimiter(RequestLimits(reads_per_s=1e6, reads_burst=1e6), time.monotonic),
            self.errors.append,
        )  # fmt: skip
        self.story.opened()
        self.story.joined("ann")

    async def subscribe(self, app: int, room: str, receive: Any, on_loss: Any) -> Any:
        self._receive = receive

        async def unsubscribe() -> None: ...

        return unsubscribe

    async def authorize(self, token: str, app: str, scope: str, room: str = "", address: str = "") -> Subscription:
        if self.refusal is not None:
            raise self.refusal
        return Subscription(1, (scope, "audit") if token == "auditor" else (scope,), int(time.time()) + 600, token)

    @contextmanager
    def watch(self, app: int, changed: asyncio.Event) -> Generator[None]:
        self._watchers.add(changed)
        yield
        self._watchers.discard(changed)

    def ends(self) -> None:
        """Tokens are good no more, and it is heard of."""
        self.refusal = Rejection(Code.TOKEN_REFUSED, "the token was revoked")
        self.doubts()

    def doubts(self) -> None:
        """Something was heard that may concern tokens."""
        for watcher in self._watchers:
            watcher.set()

    def lag(self) -> Lag:
        return measure_lag(self.subscribers.deliveries)

    def tell(self, view: EventView) -> None:
        """An event arrives over NATS."""
        self._receive(view)


class Client:
    """A connection. With `full` it takes no events; `told` are the numbers that frames stood for."""

    address = "192.0.2.1"

    def __init__(self, house: House) -> None:
        self.full = False
        self.frames: list[dict[str, Any]] = []
        self.following = ConnectionSubscriptions(house.subscribers, self)
        self._news = asyncio.Event()

    def put(self, text: str, *more: str) -> None:
        self.frames += map(json.loads, (text, *more))
        self._news.set()

    def deliver(self, batch: FrameBatch) -> bool:
        if not self.full:
            self.put(*[frame.decode() for frame in batch.frames])
        return not self.full

    async def wait_writable(self) -> bool:
        while self.full:
            await self.changed()
        return True

    def reads(self) -> None:
        self.full = False
        self._news.set()

    async def changed(self) -> None:
        self._news.clear()
        await self._news.wait()

    def close(self, code: int, reason: str) -> None: ...

    async def asks(self, token: str = "t", after: str = "", **more: Any) -> None:
        await self.following.subscribe(client.Subscribe(id=uuid4(), room_id="r", token=token, after=after, **more))

    async def until(self, matches_types: Any) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while not (found := [frame for frame in self.frames if matches_types(frame)]):
                await self.changed()
        return found[0]

    async def reached(self, seq: int) -> None:
        async with asyncio.timeout(10):
            while not self.told() or self.told()[-1] < seq:
                await self.changed()

    def told(self) -> list[int]:
        found: list[int] = []
        for frame in self.frames:
            if frame["t"] == "ev":
                found.append(frame["seq"])
            elif frame["t"] == "skip":
                found += range(frame["from"], frame["to"] + 1)
        return found

    def held(self) -> str:
        return str([frame["pos"] for frame in self.frames if "pos" in frame][-1])


async def test_a_snapshot_then_what_comes() -> None:
    house = House()
    one = Client(house)
    await one.asks()
    assert [frame["t"] for frame in one.frames[:2]] == ["res", "snap"]
    await one.until(lambda frame: frame["t"] == "live")
    house.tell(house.story.said("ann", "hello"))
    event = await one.until(lambda frame: frame["t"] == "ev")
    assert (event["seq"], event["user"]) == (3, {"userID": "ann", "userName": "Ann"})
    one.following.close()


async def test_auditors_get_what_members_do_not() -> None:
    house = House()
    auditor, server = Client(house), Client(house)
    await auditor.asks("auditor")
    await server.asks("server")
    house.tell(house.story.tell(ev.UserSuspended("s-ann", "actor-ann")))
    for one in (auditor, server):
        await one.reached(3)
    assert [frame["type"] for frame in auditor.frames if frame["t"] == "ev"] == ["room.user_suspended.v1"]
    assert [frame["t"] for frame in server.frames][-1] == "skip"


async def test_nothing_comes_behind_the_end() -> None:
    house = House()
    one = Client(house)
    await one.asks()
    house.ends()
    end = await one.until(lambda frame: frame["t"] == "end")
    assert end["code"] == Code.TOKEN_REFUSED
    house.tell(house.story.said("ann", "secret"))
    with pytest.raises(Rejection):
        await one.asks()
    assert one.frames[-1] == end
    assert not one.following
    assert not house.subscribers.deliveries


async def test_who_is_behind_when_its_right_ends_is_handed_nothing_more() -> None:
    house = House()
    one = Client(house)
    await one.asks()
    await one.until(lambda frame: frame["t"] == "live")
    one.full = True
    house.tell(house.story.said("ann", "before"))
    while house.lag().clients == 0:  # noqa: ASYNC110 it has been offered
        await asyncio.sleep(0)
    house.ends()
    one.reads()
    await one.until(lambda frame: frame["t"] == "end")
    assert one.told() == []


async def test_a_reader_with_a_position_of_another_history_is_moved_into_ours() -> None:
    house = House()
    who, request = Subscription(1, ("events",), int(time.time()) + 600, "t"), ReadRequest("t", "", "r")
    async with house.readers.follow(who, request, f"{house.story.room_uid}.1.{'f' * 16}", ()) as (reader, _):
        page = await reader.read_page()
        last = house.story.views[-1]
        assert (page.items, page.diverged) == ([], True)
        assert reader.cursor.position == page.position == Position(last.room_uid, last.seq, last.hash[:16])
        house.tell(house.story.said("ann", "x"))
        page = await reader.read_page()
        assert (len(page.items), page.diverged) == (1, False)


async def test_who_follows_is_told_when_somebody_is_erased() -> None:
    house = House()
    one = Client(house)
    await one.asks()
    await one.until(lambda frame: frame["t"] == "live")
    one.frames.clear()
    house.feeds.on_user_erased(1, "actor-nobody")
    house.feeds.on_user_erased(1, "actor-ann")
    await one.until(lambda frame: frame["t"] == "live")
    assert [frame["t"] for frame in one.frames] == ["resync", "snap", "live"]
    house.tell(house.story.said("ann", "x"))
    await one.reached(3)


async def test_others_who_leave_take_nothing_along() -> None:
    """The last reader that is woken by each event goes; who only stands there is still told."""
    house = House()
    one, other = Client(house), Client(house)
    for client_ in (one, other):
        await client_.asks()
        await client_.until(lambda frame: frame["t"] == "live")
    await other.following.unsubscribe(client.Unsubscribe(id=uuid4(), room_id="r"))
    async with house.feeds.follow(1, "r", asyncio.Event()):
        pass
    house.tell(house.story.said("ann", "x"))
    await one.reached(3)
    assert other.told() == []


async def test_who_is_told_at_once_is_told_nothing_once_its_right_is_in_doubt() -> None:
    """In the very turn of the loop in which a revocation is heard of, behind an event that has not gone out yet."""
    house = House()
    one = Client(house)
    await one.asks()
    await one.until(lambda frame: frame["t"] == "live")
    for _ in range(3):
        await asyncio.sleep(0)
    house.tell(house.story.said("ann", "secret"))
    house.ends()
    await one.until(lambda frame: frame["t"] == "end")
    assert one.told() == []


async def test_a_long_turn_goes_out_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parlour.gateway.domain.frame_batch.BATCH_BYTES", 500)
    house = House()
    one = Client(house)
    await one.asks()
    await one.until(lambda frame: frame["t"] == "live")
    for n in range(EVENTS_PER_TICK + 10):
        house.tell(house.story.said("ann", str(n)))
    await one.reached(EVENTS_PER_TICK + 12)
    assert one.told() == list(range(3, EVENTS_PER_TICK + 13))


async def test_a_crowd_that_comes_back_asks_the_record_once() -> None:
    """At a gateway that has just begun to follow the room, from two places; not once for each of them."""
    house = House()
    for n in range(20):
        house.story.said("ann", str(n))
    places = [f"{view.room_uid}.{view.seq}.{view.hash[:16]}" for view in (house.story.views[4], house.story.views[9])]
    crowd = [Client(house) for _ in range(100)]
    await asyncio.gather(*(one.asks(after=places[at % 2]) for at, one in enumerate(crowd)))
    for at, one in enumerate(crowd):
        await one.until(lambda frame: frame["t"] == "live")
        assert one.told() == list(range(11 if at % 2 else 6, 23))
    assert len(house.story.asked) <= 10


async def test_metrics_tell_how_far_the_worst_is_behind() -> None:
    house = House()
    quick, slow = Client(house), Client(house)
    for one in (quick, slow):
        await one.asks()
        await one.until(lambda frame: frame["t"] == "live")
    assert house.lag() == (0, 0, 0)
    slow.full = True
    for n in range(5):
        house.tell(house.story.said("ann", str(n)))
    await quick.reached(7)
    while house.lag().clients == 0:  # noqa: ASYNC110 it was offered, and woken
        await asyncio.sleep(0)
    found = house.lag()
    assert found[:2] == (1, 5)
    assert found.seconds > 0
    slow.frames.clear()
    slow.reads()
    await slow.until(lambda frame: frame["t"] == "live")
    assert house.lag() == (0, 0, 0)
    assert slow.told() == list(range(3, 8))


def test_they_stand_on_the_gateway_s_page() -> None:
    metrics, nobody = Metrics("gateway"), cast("Any", None)
    Gateway(GatewaySettings(), nobody, metrics)
    page = metrics.page().decode()
    for name in ("clients_lagging", "lag_events", "lag_seconds"):
        assert f"\nparlour_{name} 0.0" in page


async def test_a_fault_of_ours_ends_one_subscription_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    one = Client(house)
    await one.asks()

    async def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(house.story, "replay", broken)
    monkeypatch.setattr("parlour.gateway.domain.room_mirror.RoomBuffer.after", lambda *_: None)
    house.doubts()
    end = await one.until(lambda frame: frame["t"] == "end")
    assert end["code"] == Code.SERVER_ERROR
    assert len(house.errors) == 1


STEPS = st.sampled_from(["said", "named", "audit", "stops", "reads", "turn", "again", "elsewhere"])


@settings(max_examples=60, deadline=None)
@example(["said", "turn", "stops", "said", "turn", "again", "said", "turn", "elsewhere", "said"], 0)
@given(st.lists(STEPS, max_size=50), st.sampled_from([0, BUFFER_EVENTS + 50]))
def test_however_a_client_reads_and_wherever_it_goes_on_it_gets_each_number_once(steps: list[str], flood: int) -> None:
    async def run() -> None:
        house = House()
        one = Client(house)
        await one.asks()
        before: list[int] = []
        for step in [*steps, *["said"] * flood]:
            match step:
                case "said":
                    house.tell(house.story.said("ann", "x"))
                case "named":
                    house.tell(house.story.tell(ev.CommandSent("s-ann", "actor-ann", "psst", ("actor-eve",))))
                case "audit":
                    house.tell(house.story.tell(ev.UserSuspended("s-ann", "actor-ann")))
                case "stops":
                    one.full = True
                case "reads":
                    one.reads()
                case "again":
                    asked = len(one.frames)
                    await one.asks(after=one.held())
                    answer = next(at for at in range(asked, len(one.frames)) if one.frames[at]["t"] == "res")
                    del one.frames[asked:answer]  # it was on its way while the client asked
                case "elsewhere":
                    before += one.told()
                    one.following.close()
                    held, one = one.held(), Client(house)
                    one.frames.append({"t": "from", "pos": held})
                    await one.asks(after=held)
                case _:
                    await asyncio.sleep(0)
        one.reads()
        last = len(house.story.views)
        if last > 2:
            async with asyncio.timeout(30):
                while (before + one.told() or [0])[-1] < last:
                    await one.changed()
        assert before + one.told() == list(range(3, last + 1))
        assert "psst" not in json.dumps(one.frames)
        assert not [frame for frame in one.frames if frame["t"] == "resync"]
        assert house.errors == []
        one.following.close()

    asyncio.run(run())
