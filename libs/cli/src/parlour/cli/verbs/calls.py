"""`history`: calls of the past as the projections have them, and those projections built anew."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from parlour.contracts import history as contract
from parlour.contracts.commands import DescribeHistory, RebuildHistory
from parlour.contracts.quality import QualityPoint, QualityQuery, QualitySeries

from .options import TIMES, App, Json
from .printing import counted, print_found, print_lines, utc
from .suite import ask_suite, run_query

if TYPE_CHECKING:
    from parlour.runtime.messaging.bus import Bus

PROGRESS_POLL_S = 0.3


verbs = typer.Typer(
    name="history", no_args_is_help=True, help="Calls of the past: who was there when, and on which streams."
)


@verbs.command()
def calls(
    app: App,
    room: Annotated[str, typer.Option(help="Only calls of this room.")] = "",
    user: Annotated[str, typer.Option(help="Only calls in which this user was.")] = "",
    start: Annotated[str, typer.Option("--from", help="Begun at this time or later (2026-11-21T14:03:07Z).")] = "",
    end: Annotated[str, typer.Option("--to", help="Begun before this time.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=contract.CALLS_MOST)] = 50,
    json: Json = False,
) -> None:
    """List calls, newest first."""
    query = contract.CallsQuery(user, _time(start, "--from"), _time(end, "--to"), limit=limit)
    page = run_query("calls", query, contract.Calls, app=app, room=room)
    print_lines(page.calls, json, _call_text)
    if json:
        return
    if not page.calls and not page.archived:
        typer.echo(f"no call of app {app} on record{' is like that' if room or user or start or end else ''}", err=True)
    for one in page.archived:
        typer.echo(f"{one.calls} begun in {one.month}: archived in {one.file}")


@verbs.command()
def show(
    room_uid: Annotated[str, typer.Argument(help="The call's roomUID; see `parlour history calls`.")],
    app: App,
    json: Json = False,
) -> None:
    """Print a call as intervals: people, streams, who saw what; and how good the media were."""
    timeline, points = ask_suite(lambda bus: _read_call(bus, app, room_uid))
    head = [_call_text(timeline.call)] if timeline.call is not None else []
    print_found(timeline, json, "\n".join([*head, *_timeline_lines(timeline), *quality_lines(points)]))


@verbs.command()
def rebuild() -> None:
    """Build the projections anew from the log. Questions are answered meanwhile; stopping this command stops only the showing."""
    ask_suite(_rebuild)


async def _read_call(bus: "Bus", app: int, room_uid: str) -> tuple[contract.Timeline, list[QualityPoint]]:
    """Reads all pages of a call's intervals, and of its quality samples."""
    from ..operator.connection import send_query

    whole = await send_query(bus, "timeline", contract.TimelineQuery(room_uid), contract.Timeline, app=app)
    while whole.next:
        query = contract.TimelineQuery(room_uid, whole.next)
        page = await send_query(bus, "timeline", query, contract.Timeline, app=app)
        whole = contract.Timeline(
            page.call, whole.sessions + page.sessions, whole.streams + page.streams, whole.plays + page.plays,
            whole.messages + page.messages, page.next,
        )  # fmt: skip
    points, cursor = list[QualityPoint](), ""
    while True:
        samples = await send_query(bus, "quality", QualityQuery(room_uid, cursor=cursor), QualitySeries, app=app)
        points += samples.points
        cursor = samples.next
        if not cursor:
            return whole, points


async def _rebuild(bus: "Bus") -> None:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from ..operator.connection import send_command

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}")
    began = time.monotonic()
    new = (await send_command(bus, 0, RebuildHistory(), contract.History)).generations[-1]
    with Progress(*columns, TimeRemainingColumn()) as shown:
        task = shown.add_task(f"generation {new.number}", total=None, rate="")
        while not new.active:
            await asyncio.sleep(PROGRESS_POLL_S)
            found = (await send_command(bus, 0, DescribeHistory(), contract.History)).generations
            new = next((one for one in found if one.number >= new.number), new)
            rate = f"{new.done / max(time.monotonic() - began, 0.001):,.0f} events/s"
            shown.update(task, completed=new.done, total=new.total, rate=rate)
    typer.echo(f"generation {new.number} answers: {new.done} events")


def _time(text: str, option: str) -> int:
    from ..operator.room_log import parse_moment

    if not text:
        return 0
    try:
        microseconds = parse_moment(text)[1]
    except ValueError:
        microseconds = None
    if microseconds is None:
        raise typer.BadParameter(f"{text!r} is no time: {TIMES}", param_hint=option)
    return microseconds


def _span(start: int, end: int | None) -> str:
    return f"{utc(start)} – {'now' if end is None else utc(end)[-9:]:<9}"


def _call_text(call: contract.Call) -> str:
    people, streams = counted(call.participants, "person", "people"), counted(call.streams, "stream")
    messages = counted(call.broadcasts + call.barrages + call.commands, "message")
    counts = f"{people}, {streams}, {messages}, {call.kicks} kicked"
    return f"{call.room_uid}  {_span(call.started_at, call.ended_at)}  {call.room:<20}  {counts}"


def _timeline_lines(timeline: contract.Timeline) -> list[str]:
    lines: list[str] = []
    for one in timeline.sessions:
        end = " ".join(part for part in (one.how, one.reason) if part)
        lines.append(f"  user    {_span(one.joined_at, one.left_at)}  {one.user_id or one.actor:<20}  {end}")
    for one in timeline.streams:
        what = f"{one.stream_id:<20}  of {one.user_id or one.actor} {one.codec}"
        lines.append(f"  stream  {_span(one.added_at, one.removed_at)}  {what}")
    for one in timeline.plays:
        what = f"{one.stream_id:<20}  by {one.user_id or one.actor} {one.reason}"
        lines.append(f"  play    {_span(one.started_at, one.stopped_at)}  {what}")
    return lines


def quality_lines(points: list[QualityPoint]) -> list[str]:
    """One line with the number of samples and the worst values; none where there are no samples."""
    if not points:
        return []
    worst = max(points, key=lambda point: point.loss or 0.0)
    jitters = [point.jitter_ms for point in points if point.jitter_ms is not None]
    trips = [point.rtt_ms for point in points if point.rtt_ms is not None]
    parts = [counted(len(points), "sample")]
    if worst.loss:
        who = worst.user_id or worst.actor
        parts.append(f"worst loss {worst.loss:.1%} ({worst.stream_id} {worst.kind}, {worst.side} {who})")
    elif any(point.loss is not None for point in points):
        parts.append("no loss")
    parts += [f"jitter to {max(jitters):.0f} ms"] if jitters else []
    parts += [f"round trip to {max(trips):.0f} ms"] if trips else []
    return [f"  quality {_span(points[0].at, points[-1].at + points[-1].took_ms * 1000)}  {', '.join(parts)}"]
