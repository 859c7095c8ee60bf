"""What operators ask of webhooks: endpoints are added, listed, changed and tested, deliveries are shown, events are sent again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from parlour.contracts import webhooks as contract
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.rejection import Rejection
from parlour.record.app.paging import parse_uuid
from parlour.record.domain.webhooks import signing
from parlour.record.domain.webhooks.endpoint import Endpoint, check_filters, check_format, check_types

from .attempts import AttemptSender
from .ports import EndpointRepository, EventRange

ENDPOINTS_PER_APP = 50
OVERLAP_MOST_S = 30 * 86_400
"""Longest time that an old secret signs beside the new one."""
CALLS_PER_REDRIVE = 1_000
DISABLED_BY_OPERATOR = "disabled by an operator"

CheckUrl = Callable[[str], Awaitable[str]]
"""Returns why a URL may not be an endpoint's, or an empty text."""


@dataclass(eq=False)
class WebhookAdmin:
    """Answers one question of `contracts.webhooks` per method. Methods raise `Invalid` or `Rejection`, and `LogUnavailable`."""

    _endpoints: EndpointRepository
    _attempts: AttemptSender
    _check_url: CheckUrl
    _clock: Clock
    _ids: Ids
    _draw: Callable[[int], bytes]
    """Returns so many random bytes."""

    async def add(self, app: int, question: contract.AddWebhook) -> contract.Webhook:
        """Adds an endpoint and returns it with its secret, which no later answer of another question shows."""
        check_filters("rooms", question.rooms)
        check_filters("types", question.types)
        check_format(question.format)
        check_types(question.types, question.format)
        id_ = parse_uuid(question.command_id, "commandID", hint="")
        secret = self._secret(question.secret)
        if why := await self._check_url(question.url):
            hint = "PARLOUR_RECORD_WEBHOOK_NETWORKS allows own networks"
            raise invalid(Code.PARAMETER, "url", f"the address {why}", hint=hint)
        endpoint = Endpoint(
            id_, app, question.url, question.rooms, question.types, question.audit, question.format,
            (signing.SecretRef(secret),),
        )  # fmt: skip
        if not await self._endpoints.add(endpoint, self._now_s(), ENDPOINTS_PER_APP):
            message, limit = "the app has as many webhooks as it may", str(ENDPOINTS_PER_APP)
            raise Rejection(Code.PARAMETER, message, limit=limit, hint="remove one")
        stored = await self._find(app, str(id_))
        return await self._shown(stored, stored.secrets[0].text)

    async def list_all(self, app: int, question: contract.ListWebhooks) -> contract.Webhooks:
        """Returns the app's endpoints, or the one that is asked for."""
        one = (await self._find(app, question.id)).id if question.id else None
        return contract.Webhooks(await self._endpoints.list_all(app, one))

    async def rotate(self, app: int, question: contract.RotateWebhook) -> contract.Webhook:
        """Adds a secret; the old one signs beside it for `overlap_s`."""
        if not 0 <= question.overlap_s <= OVERLAP_MOST_S:
            raise invalid(Code.PARAMETER, "overlapS", "the overlap is out of range", limit=f"0..{OVERLAP_MOST_S} s")
        secret = self._secret(question.secret)
        endpoint = await self._find(app, question.id)
        if endpoint.secrets[0].text != secret:
            await self._endpoints.rotate(endpoint.id, secret, self._now_s() + question.overlap_s)
        return await self._shown(endpoint, secret)

    async def set(self, app: int, question: contract.SetWebhook) -> contract.Webhook:
        """Enables or disables an endpoint."""
        endpoint = await self._find(app, question.id)
        reason = "" if question.enabled else DISABLED_BY_OPERATOR
        await self._endpoints.enable(endpoint.id, question.enabled, reason, question.from_now)
        return await self._shown(endpoint)

    async def remove(self, app: int, question: contract.RemoveWebhook) -> contract.WebhookRemoved:
        """Deletes an endpoint with its progress, attempts and dead letters."""
        await self._endpoints.remove((await self._find(app, question.id)).id)
        return contract.WebhookRemoved(True)

    async def test(self, app: int, question: contract.TestWebhook) -> contract.Delivery:
        """Sends a test event now and returns what the endpoint answered."""
        endpoint = await self._find(app, question.id)
        done = await self._attempts.send_test(endpoint, f"test:{self._ids.uuid7()}")
        number = await self._endpoints.add_attempt(endpoint.id, done)
        answer = done.answer
        return contract.Delivery(
            number, done.webhook_id, done.type, done.at, 1, answer.status, answer.took_ms, answer.error
        )

    async def deliveries(self, app: int, question: contract.ListDeliveries) -> contract.Deliveries:
        """Returns a page of the delivery log."""
        endpoint, limit = await self._find(app, question.id), _limit(question.limit)
        page = await self._endpoints.deliveries(endpoint.id, question.before, limit, question.failed)
        return contract.Deliveries(page, page[-1].number if len(page) == limit else 0)

    async def dead(self, app: int, question: contract.ListDead) -> contract.DeadLetters:
        """Returns a page of dead letters."""
        endpoint, limit = await self._find(app, question.id), _limit(question.limit)
        page = await self._endpoints.dead_letters(endpoint.id, question.after, limit)
        return contract.DeadLetters(page, page[-1].number if len(page) == limit else 0)

    async def redrive(self, app: int, question: contract.RedriveWebhook) -> contract.Redriven:
        """Has dead letters, or the events of a call or a time, sent again; returns the number of calls."""
        endpoint = await self._find(app, question.id)
        if question.dead:
            return contract.Redriven(await self._endpoints.redrive_dead(endpoint.id))
        ranges = await self._ranges(app, question)
        if len(ranges) > CALLS_PER_REDRIVE:
            message, limit = "too much happened in that time", f"{CALLS_PER_REDRIVE} calls"
            raise Rejection(Code.PARAMETER, message, limit=limit, hint="ask for a shorter time")
        await self._endpoints.redrive(endpoint.id, ranges)
        return contract.Redriven(len(ranges))

    async def _ranges(self, app: int, question: contract.RedriveWebhook) -> tuple[EventRange, ...]:
        if not question.room_uid:
            if question.until <= question.since:
                message = "name a call, a time that is not empty, or dead"
                raise invalid(Code.PARAMETER, "until", message, hint="roomUID, or since and until")
            return await self._endpoints.ranges_between(app, question.since, question.until, CALLS_PER_REDRIVE + 1)
        call = await self._endpoints.range_of(app, parse_uuid(question.room_uid, "roomUID"))
        if call is None:
            raise Rejection(Code.NOT_FOUND, "the app has no such call", field="roomUID")
        first, last = max(1, question.first), min(question.last or call.last, call.last)
        return (msgspec.structs.replace(call, first=first, last=last),) if first <= last else ()

    async def _find(self, app: int, id_: str) -> Endpoint:
        found = await self._endpoints.endpoint(app, parse_uuid(id_, "id"))
        if found is None:
            raise Rejection(Code.NOT_FOUND, "the app has no such webhook", field="id", hint="parlour webhooks list")
        return found

    async def _shown(self, endpoint: Endpoint, secret: str = "") -> contract.Webhook:
        (shown,) = await self._endpoints.list_all(endpoint.app, endpoint.id)
        return msgspec.structs.replace(shown, secret=secret)

    def _secret(self, text: str) -> str:
        """Returns the given secret, or a new one if it is empty. `Invalid` for a text that is no secret."""
        secret = text or signing.make_secret(self._draw(signing.SECRET_BYTES))
        signing.key_of(secret)
        return secret

    def _now_s(self) -> int:
        return round(self._clock.at() / 1e6)


def _limit(requested: int) -> int:
    return max(1, min(requested, contract.PAGE_MOST))
