"""Chooses the adapters and puts the node together; nothing else does."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing

import msgspec

from parlour.contracts.relay import RelayFact
from parlour.media_core import Core
from parlour.relay.adapters import sender as senders
from parlour.relay.adapters.addresses import free_port, local_addresses
from parlour.relay.adapters.core_events import CoreEvents
from parlour.relay.adapters.core_metrics import CoreMetrics
from parlour.relay.adapters.dtls import DtlsHandshakes, NodeCertificate
from parlour.relay.adapters.flight_log_folder import FlightLogFolder
from parlour.relay.adapters.ids import RandomIds
from parlour.relay.adapters.quality_metrics import QualityMetrics
from parlour.relay.api.bus import RelayApi
from parlour.relay.app.drain import NodeDrain
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.flight_logs import FlightLogReader
from parlour.relay.app.forwarding import Forwarding
from parlour.relay.app.heartbeat import NodeHeartbeat, run_heartbeats
from parlour.relay.app.media_monitor import MediaMonitor
from parlour.relay.app.quality_sampler import QualitySampler
from parlour.relay.app.relay import Relay
from parlour.relay.app.transport_lifecycle import TransportLifecycle
from parlour.relay.domain.session import SessionTable
from parlour.relay.settings import RelaySettings
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.process.run import Service
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

SPARE_TRANSPORTS = 96
"""The core's table is larger than our limit, so that the refusal is ours and has a code."""

log = logger(__name__)


class RunningNode(msgspec.Struct, frozen=True):
    """A running node without its bus: what commands call, and what operators read."""

    relay: Relay
    monitor: MediaMonitor
    flight_logs: FlightLogReader
    heartbeat: NodeHeartbeat
    drain: NodeDrain
    core: Core
    table: SessionTable
    name: str


@asynccontextmanager
async def build(settings: RelaySettings) -> AsyncGenerator[Service]:
    """The service on its bus, until the block ends."""
    metrics = Metrics("relay")
    async with await Bus.connect(settings, "relay", metrics) as bus:
        sender, samples = senders.facts(bus), senders.samples(bus)
        async with open_node(settings, sender.send) as node, asyncio.TaskGroup() as tasks:
            metrics.registry.register(
                CoreMetrics(node.core, node.monitor, node.heartbeat.load, settings.max_transports)
            )
            measured = QualityMetrics(metrics, samples.send)
            await RelayApi(node.relay, node.flight_logs, node.heartbeat.load, node.drain).serve(bus, node.name)
            quality = QualitySampler(node.name, node.table, measured.send, time.time, time.monotonic)
            heartbeats = run_heartbeats(node.heartbeat, node.monitor, quality, settings.heartbeat_s)
            running = [
                tasks.create_task(sender.run(), name="facts"),
                tasks.create_task(samples.run(), name="samples"),
                tasks.create_task(heartbeats, name="heartbeat"),
            ]
            yield Service(metrics, {"bus": lambda: bus.connected}, node.drain.run)
            for task in running:
                task.cancel()
            quality.finish()
        await sender.flush()
        await samples.flush()


@asynccontextmanager
async def open_node(settings: RelaySettings, facts: Callable[[RelayFact], None]) -> AsyncGenerator[RunningNode]:
    """The node with its UDP port bound, until the block ends; its transports are closed then."""
    addresses = settings.bind or local_addresses()
    port = settings.udp_port or free_port(addresses)
    core = Core(
        [(address, port) for address in addresses], advertise=list(settings.advertise) or None,
        recv_buffer_bytes=settings.recv_buffer_bytes, max_transports=settings.max_transports + SPARE_TRANSPORTS,
        local_only=settings.local_only, max_packets=settings.max_packets_per_s, max_bits=settings.max_bits_per_s,
        max_repairs=settings.max_repairs_per_s,
    )  # fmt: skip
    with closing(core):
        _check_receive_buffer(core, settings.recv_buffer_bytes)
        async with _assemble(settings, facts, core) as node:
            yield node


def _check_receive_buffer(core: Core, requested: int) -> None:
    """Logs where the system grants less than asked: bursts then lose packets before the relay sees them."""
    granted = core.stats()["node"]["receive_buffer_bytes"]
    if granted < requested:
        log.warning(
            "receive_buffer_reduced", requested=requested, granted=granted, hint="raise the sysctl net.core.rmem_max"
        )


@asynccontextmanager
async def _assemble(
    settings: RelaySettings, facts: Callable[[RelayFact], None], core: Core
) -> AsyncGenerator[RunningNode]:
    name, limits, table = settings.node or settings.instance, settings.limits(), SessionTable()
    certificate = NodeCertificate.generateCertificate()
    publisher = FactPublisher(name, secrets.token_hex(8), facts)
    forwarding = Forwarding(table, core)
    handshakes = DtlsHandshakes(certificate, timeout_s=settings.handshake_timeout_s)
    lifecycle = TransportLifecycle(table, core, forwarding, handshakes, publisher, time.monotonic, limits)
    relay = Relay(table, core, forwarding, lifecycle, publisher, RandomIds(), certificate.fingerprint, limits)
    flight_logs = FlightLogReader(
        name, table, core, FlightLogFolder(settings.flight_dir, settings.flight_logs), time.time
    )
    monitor = MediaMonitor(table, core, lifecycle, publisher, limits, flight_logs)
    heartbeat = NodeHeartbeat(table, core, relay, publisher, time.monotonic)
    drain = NodeDrain(table, publisher, heartbeat, random.Random(), settings.drain_s, settings.drain_moves_per_s)
    async with CoreEvents(core, monitor.handle_event):
        try:
            yield RunningNode(relay, monitor, flight_logs, heartbeat, drain, core, table, name)
        finally:
            await lifecycle.end_all("shutdown")
