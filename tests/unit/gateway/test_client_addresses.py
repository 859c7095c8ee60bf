"""Whose address a request counts for, and how many sockets an address may hold."""

import pytest

from parlour.gateway.domain.addresses import SocketLimiter, TrustedProxies, is_host


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.1.1.1, 198.51.100.1, 10.0.0.3"], "198.51.100.1"),
        ("10.0.0.2", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.1.1.1, nonsense"], "10.0.0.2"),
        ("10.0.0.2", ["[2001:db8::7]"], "2001:db8::7"),
        ("::ffff:10.0.0.2", ["::ffff:198.51.100.1"], "198.51.100.1"),
    ],
)
def test_only_a_trusted_proxy_says_who_its_client_is(peer: str, forwarded: list[str], client: str) -> None:
    assert TrustedProxies(["10.0.0.0/8"]).client_of(peer, forwarded) == client


def test_a_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        TrustedProxies(["nonsense"])


def test_one_address_holds_so_many_sockets_and_others_go_on() -> None:
    sockets = SocketLimiter(2, 100)
    assert [sockets.take("203.0.113.9") for _ in range(3)] == [True, True, False]
    assert sockets.take("203.0.113.10")
    sockets.free("203.0.113.9")
    assert sockets.take("203.0.113.9"), "a closed socket makes room"


def test_an_ipv6_network_counts_as_one_address() -> None:
    sockets = SocketLimiter(2, 100)
    assert [sockets.take(f"2001:db8::{n}") for n in range(1, 4)] == [True, True, False]
    assert sockets.take("2001:db8:0:1::1")
    sockets.free("2001:db8::2")
    assert sockets.take("2001:db8::9")


def test_this_machine_and_trusted_proxies_are_bounded_by_the_total_only() -> None:
    sockets = SocketLimiter(1, 6, TrustedProxies(["10.0.0.2"]))
    assert all(sockets.take(address) for address in ["127.0.0.1", "::1", "10.0.0.2"] * 2)
    assert not sockets.take("203.0.113.9"), "the process's last descriptors are for its own use"


@pytest.mark.parametrize("host", ["localhost", "a.example:8080", "192.0.2.1", "[::1]:80", "x_y"])
def test_hosts(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "evil.example, b", "[::1", "a:port", "a" * 300, "a\x00"])
def test_what_is_no_host(host: str) -> None:
    assert not is_host(host)
