"""Transports that do not connect, and what becomes of them."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from test_negotiation import APP, fixture

from parlour.contracts.relay import RelayFact, TransportGone
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.forwarding import Forwarding
from parlour.relay.app.limits import RelayLimits
from parlour.relay.app.transport_lifecycle import TransportLifecycle
from parlour.relay.domain.negotiation import check_offer
from parlour.relay.domain.session import SessionTable, Transport


class SilentPeer:
    """A DTLS end whose peer never says anything."""

    async def connect(self, _: Any) -> bool:
        await asyncio.Event().wait()
        return False

    async def close(self) -> None: ...


class Handshakes:
    def __init__(self) -> None:
        self.owners: list[str] = []

    def endpoint(self, owner: str, *_: Any) -> Any:
        self.owners.append(owner)
        return SilentPeer()


class Core:
    """Takes every command."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Told:
    def __init__(self) -> None:
        self.facts: list[RelayFact] = []
        self.arrived = asyncio.Event()

    def send(self, fact: RelayFact) -> None:
        self.facts.append(fact)
        self.arrived.set()


async def test_the_person_with_most_half_open_transports_loses_its_oldest() -> None:
    told, table, core, handshakes = Told(), SessionTable(), cast(Any, Core()), Handshakes()
    limits = RelayLimits(max_half_open=3)
    lifecycle = TransportLifecycle(
        table,
        core,
        Forwarding(table, core),
        cast(Any, handshakes),
        FactPublisher("n", "b", told.send),
        lambda: 0.0,
        limits,
    )
    remote = check_offer(fixture("chromium-publish")).transport
    for number, owner in enumerate(("honest/", "hostile/a", "hostile/b", "hostile/c"), 1):
        user = owner.partition("/")[0]
        lifecycle.start(Transport(f"t{number}", number, APP, owner, remote, "u", "p", 1, user=user))
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await told.arrived.wait()
    (gone,) = told.facts
    assert isinstance(gone, TransportGone)
    assert (gone.owner, gone.reason) == ("hostile/a", "connect_timeout")
    assert set(handshakes.owners) == {f"{APP}/honest", f"{APP}/hostile"}
    assert set(table.transports) == {"t1", "t3", "t4"}
    await lifecycle.end_all("shutdown")
