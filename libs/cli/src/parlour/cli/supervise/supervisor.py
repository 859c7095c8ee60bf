"""The supervisor: servers first, then the schema, then all services at once, then the default app; then it watches.

It tells where it stands in `run.json`; whoever waits for it reads that.
"""

import asyncio
import importlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec

from parlour.runtime.retry import wait_at_most
from parlour.runtime.signing.nats_keys import Issuer, system_password

from ..embedded.launch import Launch, free_port
from ..embedded.nats import NatsServer
from ..embedded.permissions import grants
from ..embedded.postgres import Postgres
from ..failures import NATS_VARIABLE, StartFailed
from . import diagnose, logs, plan
from .checkout import SERVICES
from .child import Child
from .entrance import Entrance
from .probes import Probe, http_ready
from .processes import identify, reap
from .schema_step import STAMP, bring_up_to_date, inputs
from .scrape_targets import scrape_targets
from .state import StateFolder, SuiteStatus

SERVERS_WITHIN_S = 30.0
SERVICES_WITHIN_S = 60.0
TRIES_WHILE_STARTING = 3
HOUSEKEEPING_S = 5.0


@dataclass(eq=False, repr=False)
class Supervisor:
    """One run of the suite on a state folder that this process holds.

    on_change: called after each change of what `status` shows.
    """

    folder: StateFolder
    host: str
    port: int
    environ: Mapping[str, str]
    on_change: Callable[[SuiteStatus], None]
    replicas: int = 1
    urls: list[str] = field(init=False, default_factory=list)
    servers: dict[str, Child] = field(init=False, default_factory=dict)
    services: dict[str, Child] = field(init=False, default_factory=dict)
    _began: float = field(init=False, default_factory=time.monotonic)
    _stop: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.entrance = Entrance.from_environment(self.environ)
        self.secrets = self.folder.secrets()
        self.run_state = SuiteStatus("starting", "", str(self.folder.path), identify("supervisor", os.getpid()))

    async def run(self) -> None:
        """Start everything, stay until told to stop, end everything. StartFailed when it did not come up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        try:
            starting = asyncio.create_task(self._start())
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._watch()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            self._tell(state="stopped", step="stopping")
        except (StartFailed, OSError, RuntimeError) as problem:
            self._tell(state="failed", step="", failure=str(problem))
            raise StartFailed(str(problem)) from problem
        finally:
            await self._end()

    async def _start(self) -> None:
        self._reap()
        if problem := diagnose.disk_problem(self.folder.path):
            raise StartFailed(problem)
        self._tell(step="servers")
        loading = asyncio.create_task(asyncio.to_thread(self._load_meanwhile))
        nats, postgres = await self._start_servers()
        servers = plan.addresses(self.secrets, nats, postgres, self.environ)
        self._tell(step="schema", nats=servers.nats["cli"], postgres=servers.owner)
        await loading
        await bring_up_to_date(self.folder, servers.owner, self.secrets if postgres else None)
        self._tell(step="services", fingerprint=await asyncio.to_thread(self.entrance.prepare, self.folder.path))
        self._start_services(servers)
        await asyncio.to_thread(importlib.import_module, "parlour.cli.supervise.first_app")
        await self._all_ready(self.services, SERVICES_WITHIN_S)
        self._tell(step="app", url=self.urls[0], urls=tuple(self.urls), app_id=plan.DEFAULT_APP)
        await self._open_app(servers.nats["cli"])
        self._tell(state="ready", step="", took_s=round(time.monotonic() - self._began, 2))

    def _load_meanwhile(self) -> None:
        """What later steps import, loaded while this process waits for the servers."""
        if not self.folder.stamp(STAMP, inputs()):
            importlib.import_module("alembic.command")
            importlib.import_module("sqlalchemy.ext.asyncio")

    def _reap(self) -> None:
        """What a killed supervisor left; the kernel ended its children in most cases."""
        for left in self.folder.children():
            reap(left, signal.SIGINT if left.name == "postgres" else signal.SIGTERM)

    async def _start_servers(self) -> tuple[NatsServer | None, Postgres | None]:
        nats = postgres = None
        if NATS_VARIABLE not in self.environ:
            users = {name: (password, grants()[name]) for name, password in self.secrets.nats.items()}
            key = plan.master_key(self.secrets, self.environ)
            nats = NatsServer(
                self.folder.path / "nats", port=free_port(), users=users,
                issuer=Issuer(key).public, system=system_password(key),
            )  # fmt: skip
            await asyncio.to_thread(nats.prepare)
            self.servers["nats"] = self._child("nats", nats.launch, partial(asyncio.to_thread, nats.ready))
        if plan.POSTGRES_VARIABLE not in self.environ:
            folder, password = self.folder.path / "postgres", self.secrets.postgres_admin
            postgres = Postgres(folder, port=free_port(), password=password, account=self.folder.account)
            await asyncio.to_thread(postgres.prepare)
            probe = partial(asyncio.to_thread, postgres.ready)
            self.servers["postgres"] = self._child("postgres", postgres.launch, probe)
        for child in self.servers.values():
            child.start()
        await self._all_ready(self.servers, SERVERS_WITHIN_S)
        return nats, postgres

    def _start_services(self, servers: plan.Servers) -> None:
        for name in filter(plan.is_installed, SERVICES):
            for replica in plan.replicas_of(name, self.replicas):
                self._start_service(name, replica, servers)
        self.folder.write_targets(scrape_targets(child.status() for child in self.services.values()))

    def _start_service(self, name: str, replica: str, servers: plan.Servers) -> None:
        health = free_port()
        port = self.port
        if name == "gateway":
            port = self.port if replica == name else free_port()
            self.urls.append(self.entrance.url(self.host, port))
        keeps = {
            "PARLOUR_TRACE_FILE": str(self.folder.path / "traces" / f"{replica}.jsonl"),
            "PARLOUR_RELAY_FLIGHT_DIR": str(self.folder.path / "flight"),
            "PARLOUR_RECORD_ARCHIVE": str(self.folder.path / "archive"),
            "PARLOUR_RECORD_STATE": str(self.folder.path / "record" / replica),
        }
        launch = plan.service(
            name, servers=servers, secrets=self.secrets, health_port=health, host=self.host, port=port,
            state=self.folder.path, environ=self.environ, keeps=keeps,
        )  # fmt: skip
        metrics = f"http://127.0.0.1:{health}/metrics"
        self.services[replica] = self._child(replica, lambda: launch, http_ready(health), metrics)
        self.services[replica].start()

    def _child(self, name: str, launch: Callable[[], Launch], probe: Probe, metrics: str = "") -> Child:
        child = Child(name, launch, self.folder.logs / f"{name}.log", probe, metrics)
        child.changed = self._children_changed
        return child

    async def _all_ready(self, children: Mapping[str, Child], within_s: float) -> None:
        """Wait for each; one that dies again and again, or stays silent, ends the start with its last words."""
        deadline = time.monotonic() + within_s
        for name, child in children.items():
            while not child.ready.is_set():
                if child.exits >= TRIES_WHILE_STARTING or time.monotonic() > deadline:
                    raise StartFailed(diagnose.explain(name, child.log))
                await asyncio.sleep(0.01)

    async def _open_app(self, nats_url: str) -> None:
        """The default app, made once, and a token to begin with."""
        from parlour.kernel.rejection import Rejection

        from .first_app import USER, ensure_app

        try:
            token = await ensure_app(nats_url, plan.DEFAULT_APP, self.secrets.app_secret)
        except Rejection as refused:
            raise StartFailed(f"the first app could not be opened: {refused.problem.message}") from refused
        self._tell(app_secret=self.secrets.app_secret, user=USER, token=token)

    async def _watch(self) -> None:
        while not self._stop.is_set():
            logs.trim(self.folder.logs)
            await wait_at_most(self._stop, HOUSEKEEPING_S)

    async def _end(self) -> None:
        """Services first, so that their last words still reach the servers."""
        await asyncio.gather(*(child.stop() for child in self.services.values()))
        await asyncio.gather(*(child.stop() for child in self.servers.values()))
        self.folder.write_children([])
        if self.run_state.state != "failed":
            self._tell(state="stopped", step="", token="")

    def _children_changed(self) -> None:
        running = {**self.servers, **self.services}
        self.folder.write_children([identify(name, child.pid) for name, child in running.items() if child.pid])
        self._tell()

    def _tell(self, **changes: object) -> None:
        self.run_state = msgspec.structs.replace(
            self.run_state,
            services=[child.status() for child in self.services.values()],
            servers=[child.status() for child in self.servers.values()],
            **changes,
        )
        self.folder.write_run(self.run_state)
        self.on_change(self.run_state)
