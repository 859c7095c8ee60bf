"""Services that stand still: the status page, `/v1/status` and `parlour status` show each as down, and as up once it goes on."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from parlour.testkit.browser.window import OpenWindow
from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import wait_until

STOPPED = ("im", "relay")
SHOWN_WITHIN_S = 20
ALL = {"auth", "gateway", "im", "record", "registry", "relay", "room"}


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    """One of this module's own, since others would wait for what stands still."""
    with running_suite() as running:
        yield running


def told(suite: Suite) -> dict[str, Any]:
    with urlopen(f"{suite.url}/v1/status", timeout=10) as answer:
        return {service["name"]: service for service in json.load(answer)["services"]}


def unready(suite: Suite) -> set[str]:
    return {
        found["name"]
        for found in (*suite.status()["services"], *suite.status()["servers"])
        if found["state"] != "ready"
    }


async def test_a_service_that_stands_still_is_shown_down_and_never_left_out(suite: Suite, window: OpenWindow) -> None:
    visitor = await window(f"{suite.url}/")
    await visitor.page.get_by_text("all services up").wait_for()
    assert set(told(suite)) == ALL
    stopped = [found["pid"] for found in suite.status()["services"] if found["name"] in STOPPED]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(
            lambda: {name for name, one in told(suite).items() if not one["healthy"]} == set(STOPPED),
            "/v1/status",
            timeout_s=SHOWN_WITHIN_S,
            poll_s=0.2,
        )
        assert set(told(suite)) == ALL
        await visitor.page.get_by_text("down: im, relay").wait_for()
        assert await visitor.page.locator("#services tr", has_text="relay").inner_text() == "relay\t\tdown"
        wait_until(
            lambda: unready(suite) == set(STOPPED), "parlour status --json", timeout_s=SHOWN_WITHIN_S, poll_s=0.2
        )
        assert "not all of it is ready (relay, im)" in suite.run("status").stdout
        assert "im" in suite.run("doctor", check=False).stdout
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_until(
        lambda: all(one["healthy"] and not one["missing"] for one in told(suite).values()),
        "/v1/status, up again",
        timeout_s=SHOWN_WITHIN_S,
        poll_s=0.2,
    )
    await visitor.page.get_by_text("all services up").wait_for()
    wait_until(lambda: not unready(suite), "parlour status, ready again", timeout_s=SHOWN_WITHIN_S, poll_s=0.2)


def test_a_database_that_stands_still_is_not_ready(suite: Suite) -> None:
    postgres = next(found["pid"] for found in suite.status()["servers"] if found["name"] == "postgres")
    os.kill(postgres, signal.SIGSTOP)
    try:
        wait_until(lambda: "postgres" in unready(suite), "parlour status --json", timeout_s=SHOWN_WITHIN_S, poll_s=0.2)
    finally:
        os.kill(postgres, signal.SIGCONT)
    wait_until(lambda: not unready(suite), "parlour status, ready again", timeout_s=SHOWN_WITHIN_S, poll_s=0.2)
