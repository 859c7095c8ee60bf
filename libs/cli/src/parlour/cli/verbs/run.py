"""`up`, `down`, `status`: the suite on this machine."""

import asyncio
import os
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from ..failures import Unusable
from ..supervise.bring_up import bring_down, choose_port, running, start_detached, wait_until_ready
from ..supervise.checkout import require_checkout
from ..supervise.entrance import LOOPBACKS, PUBLIC_VARIABLE, TLS_VARIABLE, Entrance
from ..supervise.plan import DEFAULT_HOST, require_servers
from ..supervise.state import StateFolder, SuiteStatus
from .printing import print_rows

STEPS = {
    "servers": "starting NATS and Postgres",
    "schema": "bringing the schema up to date",
    "services": "starting the services",
    "app": "opening the first app",
}
Port = Annotated[
    int | None, typer.Option(help="Port of the pages and the API; 0 takes a free one.", show_default="8080")
]
Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")]
Replicas = Annotated[int, typer.Option(help="Processes of each service but the relay.", min=1, max=9)]

Public = Annotated[
    str,
    typer.Option(
        envvar=PUBLIC_VARIABLE, help="Address or name that other machines reach this one by; listens for them."
    ),
]
Tls = Annotated[
    str, typer.Option(envvar=TLS_VARIABLE, help='"self" for a self-signed certificate, or a PEM file (chain:key).')
]


class Stopped(msgspec.Struct, frozen=True):
    """What `status --json` shows where nothing runs."""

    state_folder: str
    state: str = "stopped"
    services: list[str] = []


verbs = typer.Typer()


@verbs.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is ready and leave it running.")] = False,
    port: Port = None,
    host: Host = DEFAULT_HOST,
    replicas: Replicas = 1,
    public: Public = "",
    tls: Tls = "",
) -> None:
    """Start the whole suite on this machine and print its address and a token."""
    require_checkout()
    folder = StateFolder.here()
    entrance = Entrance(public, tls)
    entrance.check()
    require_servers(os.environ)
    host = entrance.listen(host)
    environ = {**os.environ, **entrance.variables()}
    folder.prepare()
    if found := running(folder):
        run = _follow(folder, None) if found.state == "starting" else found
        if run.state == "ready":
            if port and not run.url.endswith(f":{port}"):
                raise Unusable(f"Parlour runs already at {run.url}: to change the port, run `parlour down` first")
            _show(run, "is running already")
            return
    chosen = choose_port(port, host, folder.run())
    if detach:
        run = _follow(folder, start_detached(folder, host, chosen, environ, replicas))
        _show(run, f"is up in {run.took_s:.1f} s")
    else:
        _stay(folder, host, chosen, environ, replicas)


@verbs.command()
def down() -> None:
    """Stop the suite; its state stays."""
    folder = StateFolder.here()
    typer.echo("Parlour is down" if bring_down(folder) else "Parlour was not running")


@verbs.command()
def status(
    json: Annotated[bool, typer.Option("--json", help="One JSON document for programs, without secrets.")] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="With --json: the app's secret, a token and passwords in addresses, too.")
    ] = False,
) -> None:
    """Tell what `up` runs on this machine, where, and where its state is. Exit code 3 when it does not run.

    Of a suite elsewhere (PARLOUR_NATS_URL) `parlour doctor` tells which services answer.
    """
    folder = StateFolder.here()
    run = running(folder)
    if json:
        shown = run if run is None or secrets else run.without_secrets()
        typer.echo(msgspec.json.encode(shown or Stopped(state_folder=str(folder.path))).decode())
    elif run is None:
        last = folder.run()
        typer.echo("Parlour does not run; start it with: make up")
        if last and last.state == "failed":
            typer.echo(f"The last start failed: {last.failure}")
    else:
        _table(run)
    if run is None:
        raise typer.Exit(3)


def _follow(folder: StateFolder, started: object) -> SuiteStatus:
    """Waits until the suite is ready, with a line that shows the step."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("starting") as line:

        def show_step(run: SuiteStatus) -> None:
            waiting = [found.name for found in (*run.servers, *run.services) if found.state != "ready"]
            line.update(f"{STEPS.get(run.step, run.step)}{': ' + ' '.join(waiting) if waiting else ''}")

        return wait_until_ready(folder, started, show_step)  # pyright: ignore[reportArgumentType]


def _stay(folder: StateFolder, host: str, port: int, environ: Mapping[str, str], replicas: int) -> None:
    """The supervisor in this very process, until Ctrl-C."""
    from ..supervise.supervisor import Supervisor

    folder.lock()
    shown = [""]

    def show_step(run: SuiteStatus) -> None:
        if run.state == "ready" and shown[0] != "ready":
            _show(run, f"is up in {run.took_s:.1f} s; Ctrl-C ends it")
        elif run.state == "starting" and run.step != shown[0]:
            typer.echo(STEPS.get(run.step, run.step or "starting"), err=True)
        shown[0] = run.step if run.state == "starting" else run.state

    supervisor = Supervisor(folder, host=host, port=port, replicas=replicas, environ=environ, on_change=show_step)
    asyncio.run(supervisor.run())


def _show(run: SuiteStatus, what: str) -> None:
    if run.state != "ready":
        raise Unusable(run.failure or f"the suite is {run.state}")
    typer.echo(f"Parlour {what}")
    for url in run.urls:
        typer.echo(f"  pages  {url}")
    at = urlsplit(run.url)
    if at.scheme == "http" and at.hostname not in LOOPBACKS:
        typer.echo("  NOTE   plain HTTP for other machines: tokens travel in the clear. Give --tls self, or --tls CERT")
    if run.fingerprint:
        typer.echo(f"  cert   SHA-256 {run.fingerprint} (self-signed: browsers ask once)")
    for name, value in (("app", run.app_id), ("user", run.user), ("state", run.state_folder), ("token", run.token)):
        typer.echo(f"  {name:<5}  {value}")


def _table(run: SuiteStatus) -> None:
    processes = (*run.servers, *run.services)
    unready = [found.name for found in processes if found.state != "ready"]
    partly = run.state == "ready" and unready
    said = f"runs, but not all of it is ready ({', '.join(unready)})" if partly else f"is {run.state}"
    typer.echo(f"Parlour {said}: {run.url or 'no address yet'}  (state: {run.state_folder})")
    heads = ("process", "pid", "state", "restarts")
    print_rows(processes, False, heads, lambda found: (found.name, found.pid or "", found.state, found.restarts or ""))
