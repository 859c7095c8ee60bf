"""What an operator asks for: endpoints made, listed, changed and tried; what was sent; what is to be sent again."""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID, uuid4

import msgspec

from parlour.contracts import webhooks as ask
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.kernel.rejection import Rejection
from parlour.record.domain.webhooks import signing
from parlour.record.domain.webhooks.endpoint import Endpoint, check_filters, check_format, check_types

from .attempts import AttemptSender
from .ports import Attempt

ENDPOINTS_MOST = 50
"""Of one app."""
OVERLAP_MOST_S = 30 * 86_400
REDRIVE_ROOMS = 1_000
"""Lives that one redrive may take up."""
TEST_WITHIN_S = 8.0
BY_OPERATOR = "disabled by an operator"

CheckUrl = Callable[[str], Awaitable[str]]
"""Why an address may not be an endpoint's; empty where it may."""


class EventRange(msgspec.Struct, frozen=True):
    """Events of one life that are to be sent again."""

    room_uid: UUID
    p: int
    first: int
    last: int


class EndpointRepository(Protocol):
    """Where endpoints are kept. An endpoint of another app is as good as none. Methods may raise `LogUnavailable`."""

    async def add(self, endpoint: Endpoint, created_s: int, at_most: int) -> bool:
        """Keeps a new one, from now on; one that is there already stays. False: the app has `at_most`."""
        ...

    async def list_all(self, app: int, id_: UUID | None) -> tuple[ask.Webhook, ...]:
        """Oldest first, without secrets."""
        ...

    async def endpoint(self, app: int, id_: UUID) -> Endpoint | None:
        """One, with its secrets."""
        ...

    async def rotate(self, id_: UUID, secret: str, old_until_s: int) -> None:
        """A new secret; the one before signs until then, older ones no more."""
        ...

    async def enable(self, id_: UUID, enabled: bool, reason: str, from_now: bool) -> None:
        """Switches; `from_now` forgets what is still owed."""
        ...

    async def remove(self, id_: UUID) -> None:
        """Forgets it."""
        ...

    async def deliveries(self, id_: UUID, before: int, limit: int, failed: bool) -> tuple[ask.Delivery, ...]:
        """Newest first."""
        ...

    async def note(self, id_: UUID, attempt: Attempt) -> int:
        """A row of the delivery log; its number."""
        ...

    async def dead(self, id_: UUID, after: int, limit: int) -> tuple[ask.DeadLetter, ...]:
        """Oldest first."""
        ...

    async def happened(self, app: int, since: int, until: int, at_most: int) -> tuple[EventRange, ...]:
        """The lives with events in a time, and which."""
        ...

    async def life(self, app: int, room_uid: UUID) -> EventRange | None:
        """A whole life of the app."""
        ...

    async def redrive(self, id_: UUID, ranges: tuple[EventRange, ...]) -> None:
        """Lanes for the endpoint's worker."""
        ...

    async def redrive_dead(self, id_: UUID) -> int:
        """Lanes of all that is dead, which is dead no more; how many."""
        ...


class WebhookAdmin:
    """One method for each question of `contracts.webhooks`."""

    def __init__(self, book: EndpointRepository, attempts: AttemptSender, check_url: CheckUrl) -> None:
        self._book = book
        self._attempts = attempts
        self._check_url = check_url

    async def add(self, app: int, question: ask.AddWebhook) -> ask.Webhook:
        """A new endpoint with its secret, which is told this once."""
        check_filters("rooms", question.rooms)
        check_filters("types", question.types)
        check_format(question.format)
        check_types(question.types, question.format)
        id_ = _uuid("commandID", question.command_id)
        secret = _secret(question.secret)
        if why := await self._check_url(question.url):
            raise invalid(
                Code.PARAMETER, "url", f"the address {why}", hint="PARLOUR_RECORD_WEBHOOK_NETWORKS allows own networks"
            )
        endpoint = Endpoint(
            id_, app, question.url, question.rooms, question.types, question.audit, question.format,
            (signing.SecretRef(secret),),
        )  # fmt: skip
        if not await self._book.add(endpoint, round(time.time()), ENDPOINTS_MOST):
            raise Rejection.of(
                Code.PARAMETER, "the app has as many webhooks as it may", limit=str(ENDPOINTS_MOST), hint="remove one"
            )
        kept = await self._known(app, str(id_))
        return await self._told(kept, kept.secrets[0].text)

    async def list_all(self, app: int, question: ask.ListWebhooks) -> ask.Webhooks:
        """The app's endpoints."""
        one = (await self._known(app, question.id)).id if question.id else None
        return ask.Webhooks(await self._book.list_all(app, one))

    async def rotate(self, app: int, question: ask.RotateWebhook) -> ask.Webhook:
        """A second secret beside the first."""
        if not 0 <= question.overlap_s <= OVERLAP_MOST_S:
            raise invalid(Code.PARAMETER, "overlapS", "the overlap is out of range", limit=f"0..{OVERLAP_MOST_S} s")
        secret = _secret(question.secret)
        endpoint = await self._known(app, question.id)
        if endpoint.secrets[0].text != secret:
            await self._book.rotate(endpoint.id, secret, round(time.time()) + question.overlap_s)
        return await self._told(endpoint, secret)

    async def set(self, app: int, question: ask.SetWebhook) -> ask.Webhook:
        """On or off."""
        endpoint = await self._known(app, question.id)
        reason = "" if question.enabled else BY_OPERATOR
        await self._book.enable(endpoint.id, question.enabled, reason, question.from_now)
        return await self._told(endpoint)

    async def remove(self, app: int, question: ask.RemoveWebhook) -> ask.Done:
        """Gone."""
        await self._book.remove((await self._known(app, question.id)).id)
        return ask.Done(True)

    async def test(self, app: int, question: ask.TestWebhook) -> ask.Delivery:
        """One event, and what the endpoint said."""
        endpoint = await self._known(app, question.id)
        done = await self._attempts.test(endpoint, f"test:{uuid4()}")
        number = await self._book.note(endpoint.id, done)
        answer = done.answer
        return ask.Delivery(number, done.webhook_id, done.type, done.at, 1, answer.status, answer.took_ms, answer.error)

    async def deliveries(self, app: int, question: ask.ListDeliveries) -> ask.Deliveries:
        """What was sent."""
        endpoint, limit = await self._known(app, question.id), _limit(question.limit)
        page = await self._book.deliveries(endpoint.id, question.before, limit, question.failed)
        return ask.Deliveries(page, page[-1].number if len(page) == limit else 0)

    async def dead(self, app: int, question: ask.ListDead) -> ask.DeadLetters:
        """What was given up."""
        endpoint, limit = await self._known(app, question.id), _limit(question.limit)
        page = await self._book.dead(endpoint.id, question.after, limit)
        return ask.DeadLetters(page, page[-1].number if len(page) == limit else 0)

    async def redrive(self, app: int, question: ask.RedriveWebhook) -> ask.Redriven:
        """Once more."""
        endpoint = await self._known(app, question.id)
        if question.dead:
            return ask.Redriven(await self._book.redrive_dead(endpoint.id))
        ranges = await self._ranges(app, question)
        if len(ranges) > REDRIVE_ROOMS:
            limit = f"{REDRIVE_ROOMS} lives"
            raise Rejection.of(
                Code.PARAMETER, "too much happened in that time", limit=limit, hint="ask for a shorter time"
            )
        await self._book.redrive(endpoint.id, ranges)
        return ask.Redriven(len(ranges))

    async def _ranges(self, app: int, question: ask.RedriveWebhook) -> tuple[EventRange, ...]:
        if not question.room_uid:
            if question.until <= question.since:
                raise invalid(
                    Code.PARAMETER,
                    "until",
                    "name a life, a time that is not empty, or dead",
                    hint="roomUID, or since and until",
                )
            return await self._book.happened(app, question.since, question.until, REDRIVE_ROOMS + 1)
        life = await self._book.life(app, _uuid("roomUID", question.room_uid))
        if life is None:
            raise Rejection.of(Code.NOT_FOUND, "the app has no such life", field="roomUID")
        first, last = max(1, question.first), min(question.last or life.last, life.last)
        return (msgspec.structs.replace(life, first=first, last=last),) if first <= last else ()

    async def _known(self, app: int, id_: str) -> Endpoint:
        found = await self._book.endpoint(app, _uuid("id", id_))
        if found is None:
            raise Rejection.of(Code.NOT_FOUND, "the app has no such webhook", field="id", hint="parlour webhooks list")
        return found

    async def _told(self, endpoint: Endpoint, secret: str = "") -> ask.Webhook:
        (told,) = await self._book.list_all(endpoint.app, endpoint.id)
        return msgspec.structs.replace(told, secret=secret)


def _secret(text: str) -> str:
    """The given secret if it is one, or a new one."""
    made = text or signing.make_secret(secrets.token_bytes(signing.SECRET_BYTES))
    signing.key_of(made)
    return made


def _uuid(field: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise invalid(Code.PARAMETER, field, f"{field} is not a UUID") from None


def _limit(asked: int) -> int:
    return max(1, min(asked, ask.PAGE_MOST))
