"""A suite on one machine, browsers on another: HTTPS, a camera, and media at the address that was named."""

from pathlib import Path

from parlour.testkit.network.between import between
from parlour.testkit.network.calls import call, stats
from parlour.testkit.suite import running_suite


async def test_a_call_over_https_with_a_self_signed_certificate(tmp_path: Path) -> None:
    with between(seed=1, ipv6=False) as path:
        home = path.home.ipv4
        with running_suite(None, "--public", home, "--tls", "self", within=path.home.within) as suite:
            assert suite.url.startswith(f"https://{home}:")
            async with call(suite, path.away, tmp_path, "elsewhere") as (alice, bob):
                assert await alice.page.evaluate("isSecureContext && 'mediaDevices' in navigator")
                for side in (alice, bob):
                    seen = await stats(side)
                    assert {remote["address"] for remote in seen["remotes"]} == {home}
                    assert {local["address"] for local in seen["locals"]} == {path.away.ipv4}
                    candidates = [line for sdp in seen["sdp"] for line in sdp.splitlines() if "a=candidate" in line]
                    assert all(f" {home} " in line for line in candidates)
                    assert not side.errors
            doctor = suite.run("doctor", check=False).stdout
            assert "does not serve its pages" not in doctor
