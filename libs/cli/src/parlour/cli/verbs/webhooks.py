"""`webhooks`: creates, lists, tests and changes webhook endpoints, and redrives events."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer

from parlour.contracts import subjects
from parlour.contracts import webhooks as contract

from .confirm import Yes, confirm
from .options import App, Json
from .printing import counted, print_json, print_table
from .target import nats_url
from .times import utc

Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id; see `parlour webhooks list`.")]
REQUEST_TIMEOUT_S = 20.0
"""Long enough for a test event, which waits for the endpoint's answer."""
DELIVERY_HEADS = ("number", "at", "answer", "attempt", "took", "type", "webhook-id")


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    group = typer.Typer(no_args_is_help=True, help="Webhooks: where events are sent over HTTP.")
    for name, verb in (
        ("add", add), ("list", list_), ("rotate", rotate), ("disable", disable), ("enable", enable), ("remove", remove),
        ("test", try_), ("deliveries", deliveries), ("dead", dead), ("redrive", redrive),
    ):  # fmt: skip
        group.command(name)(verb)
    app.add_typer(group, name="webhooks")


def add(
    url: Annotated[str, typer.Argument(help="https address that takes POST.")],
    app: App,
    room: Annotated[
        list[str] | None,
        typer.Option(metavar="ROOM", help="Only this room; or name* for a beginning. May be repeated."),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type", metavar="TYPE", help="Only this event type, as room.* or stream.added.v1. May be repeated."
        ),
    ] = None,
    audit: Annotated[bool, typer.Option(help="Also what members of a room do not see.")] = False,
    format_: Annotated[str, typer.Option("--format", help="cloudevents, or callbacks (the vendor's).")] = "cloudevents",
    secret: Annotated[str, typer.Option(help="whsec_…; drawn where it is not given.")] = "",
    json: Json = False,
) -> None:
    """Send events from now on to URL, and print the secret that signs them; it is not shown again."""
    question = contract.AddWebhook(
        url, str(uuid4()), tuple(room or ()), tuple(type_ or ()), audit, format_, secret
    )  # fmt: skip
    _show(_request(app, question), json)


def list_(app: App, json: Json = False) -> None:
    """List the app's webhooks and how far each is."""
    found: contract.Webhooks = _request(app, contract.ListWebhooks())
    if json:
        print_json(*found.webhooks)
        return
    rows = [
        (
            one.id,
            "on" if one.enabled else f"off ({one.reason})",
            str(one.behind),
            str(one.lagging),
            str(one.dead),
            one.url,
        )
        for one in found.webhooks
    ]
    print_table(("webhook", "state", "behind", "lagging", "dead", "address"), rows)


def rotate(
    id_: Id,
    app: App,
    overlap: Annotated[int, typer.Option(help="Seconds that the old secret signs too.", min=0)] = 86_400,
    json: Json = False,
) -> None:
    """Give a webhook a new secret beside the old one."""
    _show(_request(app, contract.RotateWebhook(id_, overlap)), json)


def disable(id_: Id, app: App, json: Json = False) -> None:
    """Send nothing more for now; what happens meanwhile is sent when it is enabled again."""
    _show(_request(app, contract.SetWebhook(id_, False)), json)


def enable(
    id_: Id,
    app: App,
    from_now: Annotated[bool, typer.Option("--from-now", help="Leave out what happened meanwhile.")] = False,
    json: Json = False,
) -> None:
    """Go on sending from the event at which it was disabled."""
    _show(_request(app, contract.SetWebhook(id_, True, from_now)), json)


def remove(id_: Id, app: App, yes: Yes = False, json: Json = False) -> None:
    """Forget a webhook and the log of its deliveries; `disable` only stops it."""
    confirm(f"Forget webhook {id_}, what it is owed, and the log of its deliveries?", yes)
    _request(app, contract.RemoveWebhook(id_))
    typer.echo(msgspec.json.encode({"removed": id_}).decode() if json else f"removed  {id_}")


def try_(id_: Id, app: App, json: Json = False) -> None:
    """Send one event of type webhook.test and tell what the endpoint said; exit code 1 unless it was 2xx."""
    done: contract.Delivery = _request(app, contract.TestWebhook(id_))
    if json:
        print_json(done)
    else:
        print_table(DELIVERY_HEADS, [_row(done)])
    if not 200 <= done.status < 300:
        raise typer.Exit(1)


def deliveries(
    id_: Id,
    app: App,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=contract.PAGE_MOST)] = 50,
    before: Annotated[int, typer.Option(help="Cursor of the next page.", min=0)] = 0,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not arrive.")] = False,
    json: Json = False,
) -> None:
    """The latest attempts, newest first. The next page is --before the last one's number."""
    found: contract.Deliveries = _request(app, contract.ListDeliveries(id_, before, limit, failed))
    if json:
        print_json(*found.deliveries)
        return
    print_table(DELIVERY_HEADS, [_row(one) for one in found.deliveries])
    if found.next:
        typer.echo(f"more: --before {found.next}")


def dead(id_: Id, app: App, json: Json = False) -> None:
    """Print the dead letters: events that an endpoint refused until they were given up."""
    found: contract.DeadLetters = _request(app, contract.ListDead(id_))
    if json:
        print_json(*found.dead)
        return
    rows = [
        (str(one.number), utc(one.at), one.room, f"{one.room_uid}:{one.first}-{one.last}", one.error)
        for one in found.dead
    ]
    print_table(("number", "at", "room", "events", "error"), rows)


def redrive(
    id_: Id,
    app: App,
    call: Annotated[str, typer.Option(help="A call's roomUID.")] = "",
    first: Annotated[int, typer.Option(help="First seq of that call.", min=1)] = 1,
    last: Annotated[int, typer.Option(help="Last seq of that call; 0: its end.", min=0)] = 0,
    since: Annotated[datetime | None, typer.Option(help="What happened from then on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="… and before then (UTC); now if not given.")] = None,
    of_dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
    json: Json = False,
) -> None:
    """Send again: dead letters, a range of one call, or what happened in a time."""
    until_us = _micros(until or datetime.now(UTC)) if since else 0
    question = contract.RedriveWebhook(id_, call, first, last, _micros(since) if since else 0, until_us, of_dead)
    found = _request(app, question)
    typer.echo(msgspec.json.encode(found).decode() if json else f"sent again  {counted(found.rooms, 'call')}")


def _request(app: int, question: msgspec.Struct) -> Any:
    return asyncio.run(_send(app, question))


async def _send(app: int, question: msgspec.Struct) -> Any:
    from ..operator.connection import connect  # a client of NATS, which `--help` need not load

    verb = contract.verb_of(question)
    async with connect(nats_url()) as bus:
        return await bus.request(
            subjects.command(app, "record", "", verb), question, contract.VERBS[verb][1], REQUEST_TIMEOUT_S
        )


def _show(found: contract.Webhook, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(f"id      {found.id}\nurl     {found.url}\nstate   {'on' if found.enabled else f'off ({found.reason})'}")
    if found.secret:
        typer.echo(f"secret  {found.secret}")


def _row(one: contract.Delivery) -> tuple[str, ...]:
    answer = str(one.status) if one.status else one.error
    return str(one.number), utc(one.at), answer, str(one.attempt), f"{one.took_ms} ms", one.type, one.webhook_id


def _micros(moment: datetime) -> int:
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
