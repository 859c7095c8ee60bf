"""`webhooks`: creates, lists, tests and changes webhook endpoints, and redrives events."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer

from parlour.contracts import subjects
from parlour.contracts import webhooks as contract

from .options import App, Json, Yes, confirm
from .printing import counted, print_found, print_rows, utc
from .suite import ask_suite

Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id; see `parlour webhooks list`.")]
REQUEST_TIMEOUT_S = 20.0
"""Long enough for a test event, which waits for the endpoint's answer."""
DELIVERY_HEADS = ("number", "at", "answer", "attempt", "took", "type", "webhook-id")

verbs = typer.Typer(name="webhooks", no_args_is_help=True, help="Webhooks: where events are sent over HTTP.")


@verbs.command()
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
    rooms, types = tuple(room or ()), tuple(type_ or ())
    _show(_request(app, contract.AddWebhook(url, str(uuid4()), rooms, types, audit, format_, secret)), json)


@verbs.command("list")
def list_(app: App, json: Json = False) -> None:
    """List the app's webhooks and how far each is."""
    found: contract.Webhooks = _request(app, contract.ListWebhooks())

    def row(one: contract.Webhook) -> tuple[object, ...]:
        return one.id, _state(one), one.lag, one.lagging, one.dead, one.url

    print_rows(found.webhooks, json, ("webhook", "state", "lag", "lagging", "dead", "address"), row)


@verbs.command()
def rotate(
    id_: Id,
    app: App,
    overlap: Annotated[int, typer.Option(help="Seconds that the old secret signs too.", min=0)] = 86_400,
    json: Json = False,
) -> None:
    """Give a webhook a new secret beside the old one."""
    _show(_request(app, contract.RotateWebhook(id_, overlap)), json)


@verbs.command()
def disable(id_: Id, app: App, json: Json = False) -> None:
    """Send nothing more for now; what happens meanwhile is sent when it is enabled again."""
    _show(_request(app, contract.SetWebhook(id_, False)), json)


@verbs.command()
def enable(
    id_: Id,
    app: App,
    from_now: Annotated[bool, typer.Option("--from-now", help="Leave out what happened meanwhile.")] = False,
    json: Json = False,
) -> None:
    """Go on sending from the event at which it was disabled."""
    _show(_request(app, contract.SetWebhook(id_, True, from_now)), json)


@verbs.command()
def remove(id_: Id, app: App, yes: Yes = False, json: Json = False) -> None:
    """Forget a webhook and the log of its deliveries; `disable` only stops it."""
    confirm(f"Forget webhook {id_}, what it is owed, and the log of its deliveries?", yes)
    _request(app, contract.RemoveWebhook(id_))
    print_found({"removed": id_}, json, f"removed  {id_}")


@verbs.command("test")
def try_(id_: Id, app: App, json: Json = False) -> None:
    """Send one event of type webhook.test and tell what the endpoint said; exit code 1 unless it was 2xx."""
    done: contract.Delivery = _request(app, contract.TestWebhook(id_))
    print_rows([done], json, DELIVERY_HEADS, _row)
    if not 200 <= done.status < 300:
        raise typer.Exit(1)


@verbs.command()
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
    print_rows(found.deliveries, json, DELIVERY_HEADS, _row)
    if found.next and not json:
        typer.echo(f"more: --before {found.next}")


@verbs.command()
def dead(id_: Id, app: App, json: Json = False) -> None:
    """Print the dead letters: events that an endpoint refused until they were given up."""
    found: contract.DeadLetters = _request(app, contract.ListDead(id_))

    def row(one: contract.DeadLetter) -> tuple[object, ...]:
        return one.number, utc(one.at), one.room, f"{one.room_uid}:{one.first}-{one.last}", one.error

    print_rows(found.dead, json, ("number", "at", "room", "events", "error"), row)


@verbs.command()
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
    print_found(found, json, f"sent again  {counted(found.rooms, 'call')}")


def _request(app: int, question: msgspec.Struct) -> Any:
    verb = contract.verb_of(question)
    subject, answer = subjects.command(app, "record", "", verb), contract.VERBS[verb][1]
    return ask_suite(lambda bus: bus.request(subject, question, answer, REQUEST_TIMEOUT_S))


def _show(found: contract.Webhook, json: bool) -> None:
    secret = f"\nsecret  {found.secret}" if found.secret else ""
    print_found(found, json, f"id      {found.id}\nurl     {found.url}\nstate   {_state(found)}{secret}")


def _state(found: contract.Webhook) -> str:
    return "on" if found.enabled else f"off ({found.reason})"


def _row(one: contract.Delivery) -> tuple[object, ...]:
    answer = one.status or one.error
    return one.number, utc(one.at), answer, one.attempt, f"{one.took_ms} ms", one.type, one.webhook_id


def _micros(moment: datetime) -> int:
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
