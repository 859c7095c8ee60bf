"""A call where there is no IPv4 between the two machines, and one on a machine's own ::1."""

from pathlib import Path

from parlour.testkit.network.between import between
from parlour.testkit.network.calls import call, stats
from parlour.testkit.suite import running_suite


async def test_a_call_with_ipv6_alone(tmp_path: Path) -> None:
    with between(seed=1, ipv4=False) as path:
        home = path.home.ipv6
        with running_suite(None, "--public", home, "--tls", "self", within=path.home.within) as suite:
            assert suite.url.startswith(f"https://[{home}]:")
            async with call(suite, path.away, tmp_path, "six") as sides:
                for side in sides:
                    seen = await stats(side)
                    assert {remote["address"].strip("[]") for remote in seen["remotes"]} == {home}
                    assert {local["address"].strip("[]") for local in seen["locals"]} == {path.away.ipv6}


async def test_a_call_over_the_loopback_of_ipv6(tmp_path: Path) -> None:
    with between(seed=1, ipv4=False) as path, running_suite(None, "--host", "::1", within=path.home.within) as suite:
        assert suite.url.startswith("http://[::1]:")
        async with call(suite, path.home, tmp_path, "loopback") as sides:
            for side in sides:
                seen = await stats(side)
                assert {remote["address"].strip("[]") for remote in seen["remotes"]} == {"::1"}
