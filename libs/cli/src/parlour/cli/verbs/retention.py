"""`retention`: shows which months are in the database, which are due or blocked, and which files hold older ones; archives what is due."""

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .options import Json
from .printing import counted
from .target import nats_url
from .times import utc

if TYPE_CHECKING:
    from parlour.contracts.retention import Archive, Blocker, Month, Retention

PROGRESS_POLL_S = 0.5
IDLE_ANSWERS = 2
"""How many answers in a row must say that no run is under way: the first may come from a replica that has not started."""
BLOCKERS = {
    "hold": "room {what} of app {app} is held",
    "person": "user {what} of app {app} is held and appears in it",
    "unreadable_hold": "a hold of app {app} can't be read: see parlour.verify of the app's log",
    "unsigned": "no checkpoint has the end of call {what}",
    "reader": "{what} has not read all of it",
    "webhook": "webhook {what} of app {app} has not delivered all of it",
    "file": "{what}",
}


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    group = typer.Typer(no_args_is_help=True, help="Old months: exported, verified, then dropped.")
    group.command()(status)
    group.command()(run)
    app.add_typer(group, name="retention")


def status(json: Json = False) -> None:
    """Print each month: in the database, due, blocked or archived."""
    _print(asyncio.run(_query("")), json)


def run(
    by: Annotated[str, typer.Option(help="Who asks for it; it is recorded.")] = "",
    json: Json = False,
) -> None:
    """Export, verify and drop what is due now. Exit code 1 where something due stays."""
    found = asyncio.run(_run(by or getpass.getuser()))
    _print(found, json)
    if any(month.due for month in found.months):
        sys.exit(1)


async def _run(by: str) -> "Retention":
    found, idle = await _query(by), 0
    while idle < IDLE_ANSWERS:
        await asyncio.sleep(PROGRESS_POLL_S)
        found = await _query("")
        idle = 0 if found.running else idle + 1
    return found


async def _query(by: str) -> "Retention":
    from parlour.contracts.retention import Retention, RetentionQuery, RunRetention

    from ..operator.connection import connect
    from ..operator.proofs import query_proofs

    async with connect(nats_url()) as bus:
        if by:
            return await query_proofs(bus, "run_retention", RunRetention(by), Retention)
        return await query_proofs(bus, "retention", RetentionQuery(), Retention)


def _print(found: "Retention", json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    if found.keep_months:
        typer.echo(
            f"{found.keep_months} months are kept: what was over before {utc(found.before)} goes to {found.folder}"
        )
    else:
        typer.echo("everything is kept (PARLOUR_RECORD_KEEP_MONTHS is 0)")
    for line in [_month_text(one) for one in found.months] + [_archive_text(one) for one in found.archives]:
        typer.echo(line)


def _month_text(month: "Month") -> str:
    parts = [counted(month.calls, "call", "calls"), *([f"{month.open} open"] if month.open else [])]
    parts += [f"{month.due} due"] if month.due else []
    return "\n".join(
        [f"{month.month:<8} here: {', '.join(parts)}", *(f"         waits: {_why(one)}" for one in month.blockers)]
    )


def _why(blocker: "Blocker") -> str:
    return BLOCKERS.get(blocker.kind, "{what}").format(app=blocker.app, what=blocker.what)


def _archive_text(one: "Archive") -> str:
    what = f"dropped {utc(one.dropped_at)}" if one.dropped_at else f"not dropped: {one.problem or 'under way'}"
    size = f"{one.calls} calls, {one.events} events, {one.size} bytes"
    return (
        f"{one.month:<8} {one.file}: {size}, by {one.by} {utc(one.exported_at)}, {what}\n         sha256 {one.sha256}"
    )
