"""What an operator asks of webhooks, over `parlour.v1.<app>.cmd.record.<p>.=.<verb>`, and the answers.

The verbs are the keys of `VERBS`. A refusal is a `Reply` with a problem, as everywhere; each answer has a field without a default, which
tells it from one.
"""

import msgspec

from .spelling import wire_name

CLOUD_EVENTS = "cloudevents"
CALLBACKS = "callbacks"
FORMATS = (CLOUD_EVENTS, CALLBACKS)
PAGE_MOST = 500
"""Rows in one answer."""


class _Message(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Base of requests and answers, which spell their fields as on the wire."""


class Webhook(_Message, frozen=True):
    """An endpoint. `secret` only in the answers of add and rotate; `lagging` rooms wait for a retry, `dead` counts given-up ranges,
    `lag` events of the log (of all apps) have not been examined yet. `reason` says why it is not enabled."""

    id: str
    app: int
    url: str
    rooms: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    audit: bool = False
    format: str = CLOUD_EVENTS
    enabled: bool = True
    reason: str = ""
    created_s: int = 0
    secret: str = ""
    lagging: int = 0
    dead: int = 0
    lag: int = 0


class Webhooks(_Message, frozen=True):
    """The answer to `ListWebhooks`: the app's endpoints, oldest first."""

    webhooks: tuple[Webhook, ...]


class AddWebhook(_Message, frozen=True):
    """An endpoint, from now on. `rooms` and `types` are names, or beginnings of names with a `*` behind; none: all. `audit`: also what
    members do not see. `command_id` (a UUID; drawn by the gateway where it is empty) makes a repetition
    harmless; `secret` empty draws one."""

    url: str
    command_id: str = ""
    rooms: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    audit: bool = False
    format: str = CLOUD_EVENTS
    secret: str = ""


class ListWebhooks(_Message, frozen=True):
    """Lists all of the app's endpoints, or the one named."""

    id: str = ""


class WebhookRequest(_Message, frozen=True):
    """Base of what is asked about one endpoint."""

    id: str


class RotateWebhook(WebhookRequest, frozen=True):
    """Makes a new secret; the one before also signs for `overlap_s` seconds."""

    overlap_s: int = 86_400
    secret: str = ""


class SetWebhook(WebhookRequest, frozen=True):
    """Enable or disable. Enabled again it goes on where it stood, or with what comes from now on (`from_now`)."""

    enabled: bool
    from_now: bool = False


class RemoveWebhook(WebhookRequest, frozen=True):
    """Deletes an endpoint with its delivery log."""


class TestWebhook(WebhookRequest, frozen=True):
    """Sends one event of type `webhook.test` at once, without retries."""

    __test__ = False


class Delivery(_Message, frozen=True):
    """One attempt. `at` unix microseconds; `status` 0: no answer, `error` says why."""

    number: int
    webhook_id: str
    type: str
    at: int
    attempt: int
    status: int
    took_ms: int = 0
    error: str = ""


class ListDeliveries(WebhookRequest, frozen=True):
    """The latest attempts, newest first; `before` is the cursor of the next page, `failed` leaves out what arrived."""

    before: int = 0
    limit: int = 50
    failed: bool = False


class Deliveries(_Message, frozen=True):
    """The answer to `ListDeliveries`, a page; `next` is 0 on the last one."""

    deliveries: tuple[Delivery, ...]
    next: int = 0


class DeadLetter(_Message, frozen=True):
    """Events of a call that were given up, `first` to `last`. `at` unix microseconds."""

    number: int
    room: str
    room_uid: str
    first: int
    last: int
    at: int
    error: str = ""


class ListDead(WebhookRequest, frozen=True):
    """Lists dead letters, oldest first, after number `after`."""

    after: int = 0
    limit: int = 50


class DeadLetters(_Message, frozen=True):
    """The answer to `ListDead`, a page; `next` is 0 on the last one."""

    dead: tuple[DeadLetter, ...]
    next: int = 0


class RedriveWebhook(WebhookRequest, frozen=True):
    """Send again: a call's events `first` to `last`, or what happened from `since` to `until` (unix microseconds), or all that is dead."""

    room_uid: str = ""
    first: int = 1
    last: int = 0
    since: int = 0
    until: int = 0
    dead: bool = False


class Redriven(_Message, frozen=True):
    """The answer to `RedriveWebhook`: how many calls have events that are sent again."""

    rooms: int


class WebhookRemoved(_Message, frozen=True):
    """The answer to `RemoveWebhook`."""

    done: bool


VERBS: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct]]] = {
    "webhook_add": (AddWebhook, Webhook),
    "webhook_list": (ListWebhooks, Webhooks),
    "webhook_rotate": (RotateWebhook, Webhook),
    "webhook_set": (SetWebhook, Webhook),
    "webhook_remove": (RemoveWebhook, WebhookRemoved),
    "webhook_test": (TestWebhook, Delivery),
    "webhook_deliveries": (ListDeliveries, Deliveries),
    "webhook_dead": (ListDead, DeadLetters),
    "webhook_redrive": (RedriveWebhook, Redriven),
}
"""Each verb with what it takes and gives."""


def verb_of(question: msgspec.Struct) -> str:
    """Returns the verb that takes such a question."""
    return next(verb for verb, (kind, _) in VERBS.items() if type(question) is kind)
