"""`bug`: one file about a room for somebody who was not there, and its replay without a server."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .options import App, Call, Output, existing_file
from .suite import ask_suite

if TYPE_CHECKING:
    from parlour.contracts.envelope import EventView
    from parlour.contracts.queries import RoomState
    from parlour.runtime.messaging.bus import Bus


verbs = typer.Typer()


@verbs.command()
def bug(
    app: App,
    room: Annotated[str, typer.Argument(help="Room id.")] = "",
    call: Call = "",
    output: Output = Path("parlour-bug.zip"),
    open_: Annotated[Path | None, existing_file("--open", help="A report to replay here.")] = None,
    at: Annotated[int, typer.Option(help="With --open: print the whole state after this event.", min=0)] = 0,
) -> None:
    """Write what happened in a room into one file that names nobody, or replay such a file."""
    if bool(room) == bool(open_):
        raise typer.BadParameter("give a room to report on, or --open FILE")
    if open_ is not None:
        _replay(open_, at)
        return
    ask_suite(lambda bus: _write(bus, app, room, call, output))
    typer.echo(f"{output}: replay it with: parlour bug --open {output}")


async def _write(bus: "Bus", app: int, room: str, call: str, output: Path) -> None:
    from parlour.contracts.codes import Code
    from parlour.kernel.rejection import Rejection

    from ..doctor import bug_report as report
    from ..failures import NATS_VARIABLE
    from ..operator.room_log import RoomLog
    from ..supervise.state import StateFolder

    views = [view async for view in RoomLog(bus, app, room).events(call=call)][-report.MAX_EVENTS :]
    if not views:
        raise Rejection(Code.NOT_FOUND, f"room {room!r} was never opened")
    page = report.describe(app, room, views, os.environ)
    here = None if NATS_VARIABLE in os.environ else StateFolder.here().path
    await report.write_report(output, page, views, _flights(bus, app, room), here)


async def _flights(bus: "Bus", app: int, room: str) -> AsyncIterator[msgspec.Struct]:
    """What the relays still remember of the room; nothing where it carries no media now."""
    from parlour.kernel.rejection import Rejection

    from .flight import read_flight, transports_of_room

    try:
        async for place, each in transports_of_room(bus, app, room):
            yield await read_flight(bus, place, each)
    except Rejection:
        return


def _replay(path: Path, at: int) -> None:
    from ..doctor.bug_report import NoReport, Report

    try:
        report = Report(path)
    except NoReport as error:
        raise typer.BadParameter(f"{path} is no report of `parlour bug`: {error}", param_hint="--open") from None
    about = report.about
    typer.echo(
        f"room {about.room} of app {about.app}, call {about.room_uid}: {about.events} events, {about.system}, Python {about.python}"
    )
    for name, size in report.parts:
        typer.echo(f"  {name:<14} {size:>9} B")
    for view, state in report.states():
        if not at:
            typer.echo(_line(view, state))
        elif at == view.seq:
            typer.echo(msgspec.json.format(msgspec.json.encode(state), indent=2).decode())


def _line(view: "EventView", state: "RoomState") -> str:
    users = sum(not user.suspended for user in state.users)
    held = f"users {users:<3} streams {len(state.streams):<3} messages {state.messages:<5}"
    return f"{view.seq:>6}  {view.type:<28}  {held} {state.hash[:16]}"
