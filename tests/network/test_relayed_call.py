"""A call through TURN alone, with credentials that the login handed out."""

import re
from pathlib import Path

import pytest

from parlour.testkit.network import turn
from parlour.testkit.network.between import between
from parlour.testkit.network.calls import call, stats
from parlour.testkit.suite import running_suite

SECRET = "shared by the gateway and coturn"


async def test_a_call_through_turn_over_tcp_alone(tmp_path: Path) -> None:
    if reason := turn.missing():
        pytest.skip(reason)
    with between(seed=1, ipv6=False) as path:
        home = path.home.ipv4
        settings = {"PARLOUR_TURN_URLS": f"turn:{home}:{turn.PORT}?transport=tcp", "PARLOUR_TURN_SECRET": SECRET}
        with (
            turn.turn_server(path.home, SECRET, relay=home, folder=tmp_path) as log,
            running_suite(settings, "--public", home, "--tls", "self", within=path.home.within) as suite,
        ):
            async with call(suite, path.away, tmp_path, "turn", relay="1") as sides:
                for side in sides:
                    seen = await stats(side)
                    assert {local["candidateType"] for local in seen["locals"]} == {"relay"}
                    assert {local["relayProtocol"] for local in seen["locals"]} == {"tcp"}
                    assert {remote["address"] for remote in seen["remotes"]} == {home}
            assert re.search(r"user <\d+:[0-9a-f-]{36}>.*ALLOCATE processed, success", log.read_text())
