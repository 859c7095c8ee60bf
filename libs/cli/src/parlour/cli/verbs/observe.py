"""`logs` and `metrics`: what the processes of this machine wrote and count, without searching for their files and ports."""

import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import typer

from ..failures import NotRunning
from ..supervise.bring_up import running
from ..supervise.state import ProcessStatus, StateFolder, SuiteStatus

READ_TIMEOUT_S = 5.0
EVENT = re.compile(r'"event":"([^"]*)"')

verbs = typer.Typer()


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise typer.BadParameter(f"{text!r} is no regular expression: {error}") from None


_regex = partial(typer.Option, parser=_pattern, metavar="REGEX")
Service = Annotated[str, typer.Argument(help="A service, or one of its processes such as room-2; all when not given.")]


@verbs.command()
def logs(
    service: Service = "",
    event: Annotated[
        re.Pattern[str] | None, _regex(help="Only lines whose event this regular expression matches as a whole.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="So many of each process, the latest.")] = 20,
) -> None:
    """Print the last lines of the logs of what `up` runs on this machine."""
    run = _suite()
    for process in (*run.services, *run.servers):
        if _is_of(process, service):
            for line in last_lines(Path(process.log), event, lines):
                typer.echo(f"{process.name}: {line}")


@verbs.command()
def metrics(
    service: Service = "",
    name: Annotated[
        re.Pattern[str] | None, _regex(help="Only metrics whose name begins with what this regular expression matches.")
    ] = None,
) -> None:
    """Print what the services on this machine count, as Prometheus would read it."""
    found = False
    for process in _suite().services:
        if _is_of(process, service):
            for line in _page(process).splitlines():
                if not line.startswith("#") and (name is None or name.match(line)):
                    found = True
                    typer.echo(f"{process.name}: {line}")
    if name is not None and not found:
        typer.echo(
            f"No metric begins with {name.pattern}: one that counts kinds appears with the first of its kind.", err=True
        )


def last_lines(log: Path, event: re.Pattern[str] | None, most: int) -> Iterator[str]:
    """Returns the last lines of a log and of the one before it, at most `most`; with `event`, those of such events."""
    found: deque[str] = deque(maxlen=most)
    for file in (log.with_suffix(".log.1"), log):
        if file.exists():
            with file.open(errors="replace") as text:
                found.extend(line.rstrip("\n") for line in text if event is None or _has_event(line, event))
    return iter(found)


def _has_event(line: str, event: re.Pattern[str]) -> bool:
    found = EVENT.search(line)
    return found is not None and event.fullmatch(found[1]) is not None


def _suite() -> SuiteStatus:
    run = running(StateFolder.here())
    if run is None:
        raise NotRunning("Parlour does not run here. Start it with: make up")
    return run


def _is_of(process: ProcessStatus, service: str) -> bool:
    return service in {"", process.name, process.name.partition("-")[0]}


def _page(process: ProcessStatus) -> str:
    try:
        with urlopen(process.metrics, timeout=READ_TIMEOUT_S) as page:
            return page.read().decode()
    except (URLError, TimeoutError) as error:
        return f"# {error}"
