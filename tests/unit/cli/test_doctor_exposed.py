"""What doctor says of a gateway that other machines reach."""

import os
from pathlib import Path

import pytest

from parlour.cli.doctor import exposed
from parlour.cli.supervise.processes import Identity
from parlour.cli.supervise.state import SuiteStatus

GOOD = {"PARLOUR_GATEWAY_HOST": "0.0.0.0", "PARLOUR_GATEWAY_ORIGINS": "https://app.example"}
BEHIND = {"PARLOUR_GATEWAY_HOST": "127.0.0.1", "PARLOUR_GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}
"""The gateway of a proxy on its own machine."""
FILES = exposed.LEAST_OPEN_FILES


def a_run(url: str) -> SuiteStatus:
    return SuiteStatus("ready", "", "/state", Identity("supervisor", 1, 1), url)


def test_an_exposed_gateway_that_has_everything_has_no_problem() -> None:
    assert exposed.is_exposed(GOOD)
    assert exposed.problems(a_run("https://192.0.2.1:8080"), GOOD, 1000, FILES) == []
    behind = GOOD | {"PARLOUR_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8"}
    assert exposed.problems(a_run("http://192.0.2.1:8080"), behind, 1000, FILES) == []


@pytest.mark.parametrize(
    ("url", "change", "account", "files", "said"),
    [
        ("http://192.0.2.1:8080", {}, 1000, FILES, "in the clear"),
        ("https://192.0.2.1:8080", {"PARLOUR_GATEWAY_DEV": "true"}, 1000, FILES, "development tokens"),
        ("https://192.0.2.1:8080", {"PARLOUR_GATEWAY_ORIGINS": ""}, 1000, FILES, "PARLOUR_GATEWAY_ORIGINS"),
        ("http://127.0.0.1:8080", BEHIND, 1000, FILES, "PARLOUR_GATEWAY_HOSTS"),
        ("https://192.0.2.1:8080", {}, 0, FILES, "as root"),
        ("https://192.0.2.1:8080", {}, 1000, 1024, "1024 files"),
    ],
)
def test_what_lacks_is_said_with_the_way_out(
    url: str, change: dict[str, str], account: int, files: int, said: str
) -> None:
    (problem,) = exposed.problems(a_run(url), GOOD | change, account, files)
    assert said in problem


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_gateway_on_loopback_is_not_exposed(host: str) -> None:
    assert not exposed.is_exposed({"PARLOUR_GATEWAY_HOST": host})
    assert not exposed.is_exposed({})


def test_a_gateway_on_loopback_behind_a_proxy_is_exposed() -> None:
    assert exposed.is_exposed(BEHIND)
    named = GOOD | BEHIND | {"PARLOUR_GATEWAY_HOSTS": "meet.example"}
    assert exposed.problems(a_run("http://127.0.0.1:8080"), named, 1000, FILES) == []


def test_a_process_is_read_from_proc(tmp_path: Path) -> None:
    account, files = exposed.status_of(os.getpid())
    assert account == os.geteuid()
    assert files > 0
    assert exposed.environment_of(1, tmp_path) == {}
