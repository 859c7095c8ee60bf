"""Signatures that other people's library accepts, and when an endpoint is tried again."""

import json
import time

import hypothesis.strategies as st
import pytest
import standardwebhooks
from hypothesis import given

from parlour.contracts.ids import Invalid
from parlour.record.domain.webhooks.attempts import Answer, Schedule, Verdict, parse_retry_after, verdict
from parlour.record.domain.webhooks.signing import SecretRef, key_of, make_secret, signature_headers, valid_secrets

OLD, NEW, OTHER = (make_secret(bytes([n]) * 32) for n in (1, 2, 3))
SCHEDULE = Schedule(first_s=5, most_s=12 * 3600, give_up_s=72 * 3600)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_secret_verifies_by_the_specification_s_own_library(secret: str) -> None:
    body = '{"a": "ü"}'.encode()
    signed = signature_headers("uid:1", int(time.time()), body, (NEW, OLD))
    assert standardwebhooks.Webhook(secret).verify(body, signed) == json.loads(body)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OTHER).verify(body, signed)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body + b" ", signed)


def test_a_secret_signs_until_its_time_is_over() -> None:
    secrets = (SecretRef(NEW), SecretRef(OLD, until_s=100))
    assert valid_secrets(secrets, 99) == (NEW, OLD)
    assert valid_secrets(secrets, 100) == (NEW,)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!", make_secret(bytes(23)), make_secret(bytes(65)), OLD.removeprefix("whsec_")]
)
def test_what_is_no_secret_is_refused_with_its_limit(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        key_of(text)
    assert refused.value.problem.limit


@pytest.mark.parametrize(
    ("status", "means"), [(200, "delivered"), (204, "delivered"), (299, "delivered"), (410, "gone")]
)
def test_only_2xx_is_delivered_and_410_is_for_ever(status: int, means: str) -> None:
    assert verdict(Answer(status)) is Verdict(means)


@pytest.mark.parametrize("status", [0, 100, 301, 302, 307, 400, 401, 404, 408, 429, 500, 503])
def test_all_else_is_tried_again(status: int) -> None:
    assert verdict(Answer(status)) is Verdict.AGAIN


@given(st.integers(1, 400), st.floats(0, 1))
def test_pauses_grow_and_stay_within_their_bounds(attempt: int, chance: float) -> None:
    pause = SCHEDULE.pause_s(attempt, chance, Answer(500))
    assert SCHEDULE.first_s * 0.75 <= pause <= SCHEDULE.most_s * 1.25
    assert SCHEDULE.pause_s(attempt + 1, chance, Answer(500)) >= pause


def test_the_endpoint_s_own_time_is_waited_for_within_reason() -> None:
    assert SCHEDULE.pause_s(1, 0.5, Answer(429, retry_after_s=60)) == 60
    assert SCHEDULE.pause_s(1, 0.5, Answer(429, retry_after_s=1)) == 5
    assert SCHEDULE.pause_s(1, 0.5, Answer(429, retry_after_s=1e9)) == SCHEDULE.most_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, 10.0) == seconds


def test_days_are_given_and_then_no_more() -> None:
    assert not SCHEDULE.is_over(0.0, 71 * 3600)
    assert SCHEDULE.is_over(0.0, 72 * 3600)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 1 Jan 2024 00:00:00 +99999999999999999999",
        "Mon, 1 Jan 2024 99999999999999999999:00:00 GMT",
    ],
)
def test_a_retry_after_that_overflows_is_not_readable(text: str) -> None:
    assert parse_retry_after(text, 10.0) is None
