"""Chooses the adapters and puts the node together; nothing else does."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parlour.media_core import Core
from parlour.relay.adapters.addresses import local_addresses
from parlour.relay.adapters.certificate import NodeCertificate
from parlour.relay.adapters.core_events import CoreEvents
from parlour.relay.adapters.dtls import DtlsHandshakes
from parlour.relay.adapters.ids import RandomIds
from parlour.relay.app.fact_book import FactBook
from parlour.relay.app.forwarding import Forwarding
from parlour.relay.app.lives import Lives
from parlour.relay.app.ports import Facts
from parlour.relay.app.relay import Relay
from parlour.relay.app.watch import Watch
from parlour.relay.domain.session import SessionTable
from parlour.relay.settings import RelaySettings


class Node:
    """A running node without its bus: what commands call, and what operators read."""

    def __init__(
        self, relay: Relay, watch: Watch, lives: Lives, book: FactBook, core: Core, table: SessionTable
    ) -> None:
        self.relay = relay
        self.watch = watch
        self.lives = lives
        self.book = book
        self.core = core
        self.table = table


@asynccontextmanager
async def open_node(settings: RelaySettings, facts: Facts) -> AsyncGenerator[Node]:
    """The node with its UDP port bound, until the block ends."""
    core = Core(
        [(address, settings.udp_port) for address in settings.bind or local_addresses()],
        advertise=list(settings.advertise) or None,
        recv_buffer_bytes=settings.recv_buffer_bytes,
        max_transports=settings.max_transports + 96,
    )
    try:
        limits = settings.limits()
        certificate = NodeCertificate.generateCertificate()
        table = SessionTable()
        book = FactBook(settings.node or settings.instance, secrets.token_hex(8), facts)
        forwarding = Forwarding(table, core)
        handshakes = DtlsHandshakes(
            certificate, at_once=settings.handshakes_at_once, timeout_s=settings.handshake_timeout_s
        )
        lives = Lives(table, core, forwarding, handshakes, book, time.monotonic, limits)
        relay = Relay(table, core, forwarding, lives, book, RandomIds(), certificate.fingerprint, limits)
        watch = Watch(table, core, lives, book, limits)
        async with CoreEvents(core, watch.handle):
            try:
                yield Node(relay, watch, lives, book, core, table)
            finally:
                await lives.end_all("shutdown")
                await asyncio.sleep(0)
    finally:
        core.close()
