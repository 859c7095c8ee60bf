"""The record on NATS: three questions for each room, every event heard, everything published that others did not."""

from parlour.contracts import subjects
from parlour.contracts.ids import check_app_id
from parlour.contracts.queries import Head, HeadQuery, Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.record.app.publishing.tail import LogTail
from parlour.record.app.rooms.queries import RoomQueries
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Endpoint, Gate, Headers, Unavailable

SERVICE = "record"
VERSION = "1.0.0"


class RoomQuestions:
    """Takes a question apart and hands it on."""

    def __init__(self, queries: RoomQueries, readers: Gate) -> None:
        self._queries = queries
        self._readers = readers

    async def serve(self, bus: Bus) -> None:
        """Registers the endpoints: each question twice, for readers outside by their gate, and for services."""
        of_all = subjects.ALL_QUERIES.removesuffix("*")
        asked = {
            "head": (HeadQuery, self.head), "replay": (ReplayQuery, self.replay), "snapshot": (SnapshotQuery, self.snapshot),
        }  # fmt: skip
        endpoints = {
            what: Endpoint(of_all + what, kind, answer, self._readers) for what, (kind, answer) in asked.items()
        }
        for what, (kind, answer) in asked.items():
            endpoints[f"service_{what}"] = Endpoint(f"{of_all}service_{what}", kind, answer)
        await bus.serve(SERVICE, VERSION, endpoints)

    async def head(self, to: Address, query: HeadQuery, headers: Headers) -> Head:
        """Where the room stands."""
        return await self._queries.head(check_app_id(to.app), to.room, query)

    async def replay(self, to: Address, query: ReplayQuery, headers: Headers) -> Replay:
        """A page of its events."""
        return await self._queries.replay(check_app_id(to.app), to.room, query)

    async def snapshot(self, to: Address, query: SnapshotQuery, headers: Headers) -> Snapshot:
        """A page of its state."""
        return await self._queries.snapshot(check_app_id(to.app), to.room, query)


async def listen(bus: Bus, tail: LogTail) -> None:
    """Tells the tail of each event that NATS carries."""

    async def receive(to: Address, payload: bytes, headers: Headers) -> None:
        if id_ := headers.get("Nats-Msg-Id"):
            tail.heard(id_)

    await bus.subscribe(subjects.ALL_EVENTS, receive)
    bus.on_reconnect(tail.heads.again)


class Publisher:
    """Publishing that fails as a connection does, which is how the tail knows to come again."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        """Hands a message to NATS."""
        try:
            await self._bus.publish(subject, payload, headers or None)
        except Unavailable as error:
            raise ConnectionError(str(error)) from error
