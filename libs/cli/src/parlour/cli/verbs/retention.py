"""`retention`: shows which months are in the database, which are due or blocked, and which files hold older ones; archives what is due."""

import asyncio
import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json
from .printing import counted, print_found, utc
from .suite import ask_suite

if TYPE_CHECKING:
    from parlour.contracts.retention import Archive, Blocker, Month, Retention
    from parlour.runtime.messaging.bus import Bus

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


verbs = typer.Typer(name="retention", no_args_is_help=True, help="Old months: exported, verified, then dropped.")


@verbs.command()
def status(json: Json = False) -> None:
    """Print each month: in the database, due, blocked or archived."""
    found = ask_suite(_read)
    print_found(found, json, _text(found))


@verbs.command()
def run(by: Annotated[str, typer.Option(help="Who asks for it; it is recorded.")] = "", json: Json = False) -> None:
    """Export, verify and drop what is due now. Exit code 1 where something due stays."""
    found = ask_suite(lambda bus: _run(bus, by or getpass.getuser()))
    print_found(found, json, _text(found), failed=any(month.due for month in found.months))


async def _run(bus: "Bus", by: str) -> "Retention":
    from parlour.contracts.retention import Retention, RunRetention

    from ..operator.connection import send_query

    found, idle = await send_query(bus, "run_retention", RunRetention(by), Retention), 0
    while idle < IDLE_ANSWERS:
        await asyncio.sleep(PROGRESS_POLL_S)
        found = await _read(bus)
        idle = 0 if found.running else idle + 1
    return found


async def _read(bus: "Bus") -> "Retention":
    from parlour.contracts.retention import Retention, RetentionQuery

    from ..operator.connection import send_query

    return await send_query(bus, "retention", RetentionQuery(), Retention)


def _text(found: "Retention") -> str:
    kept = "everything is kept (PARLOUR_RECORD_KEEP_MONTHS is 0)"
    if found.keep_months:
        before = f"what was over before {utc(found.before)} goes to {found.folder}"
        kept = f"{found.keep_months} months are kept: {before}"
    return "\n".join([kept, *map(_month_text, found.months), *map(_archive_text, found.archives)])


def _month_text(month: "Month") -> str:
    parts = [counted(month.calls, "call", "calls"), *([f"{month.open} open"] if month.open else [])]
    parts += [f"{month.due} due"] if month.due else []
    waits = (f"         waits: {_why(one)}" for one in month.blockers)
    return "\n".join([f"{month.month:<8} here: {', '.join(parts)}", *waits])


def _why(blocker: "Blocker") -> str:
    return BLOCKERS.get(blocker.kind, "{what}").format(app=blocker.app, what=blocker.what)


def _archive_text(one: "Archive") -> str:
    what = f"dropped {utc(one.dropped_at)}" if one.dropped_at else f"not dropped: {one.problem or 'under way'}"
    size = f"{one.calls} calls, {one.events} events, {one.size} bytes"
    return (
        f"{one.month:<8} {one.file}: {size}, by {one.by} {utc(one.exported_at)}, {what}\n         sha256 {one.sha256}"
    )
