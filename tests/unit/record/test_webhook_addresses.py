"""No spelling of an inner address is a way in: rules 1 to 4 of `parlour.record.domain.webhooks.addresses`."""

import ipaddress

import pytest

from parlour.record.domain.webhooks.addresses import parse_networks, refusal

INNER_V4 = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1",
    "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
)  # fmt: skip
INNER_V6 = (
    "::", "::1", "100::1", "2001:db8::1", "2001::1", "2001:10::1", "2001:20::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff05::1:3", "2620:4f:8000::1", "4000::1",
)  # fmt: skip
CARRIERS = (
    "::ffff:{}",
    "::{}",
    "64:ff9b::{}",
    "64:ff9b:1::{}",
    "fe80::5efe:{}",
    "2600:1f00::5efe:{}",
    "2600:1f00::200:5efe:{}",
)


def carried() -> list[str]:
    """Each inner IPv4 address in each form in which IPv6 carries one."""
    six_to_four = [
        str(ipaddress.IPv6Address((0x2002 << 112) | (int(ipaddress.IPv4Address(a)) << 80))) for a in INNER_V4
    ]
    return [form.format(address) for address in INNER_V4 for form in CARRIERS] + six_to_four


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_inner_address_is_refused_in_every_form(scheme: str) -> None:
    forms = [*INNER_V4, *INNER_V6, *carried()]
    assert len(forms) > 200
    assert [address for address in forms if not refusal(address, scheme, ())] == []


@pytest.mark.parametrize("address", ["8.8.8.8", "192.0.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_a_public_address_is_reached_over_https_alone(address: str) -> None:
    assert not refusal(address, "https", ())
    assert "https" in refusal(address, "http", ())


def test_what_the_operator_allows_is_allowed_and_nothing_beside_it() -> None:
    own = parse_networks(("127.0.0.0/8", "fd00::/64"))
    assert not refusal("127.0.0.1", "http", own)
    assert not refusal("fd00::5", "http", own)
    for other in ("::ffff:127.0.0.1", "10.0.0.1", "fd01::5", "::1"):
        assert refusal(other, "https", own)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "127.0.0.1:80", "0177.0.0.1"])
def test_what_is_not_a_resolved_address_is_refused(text: str) -> None:
    assert refusal(text, "https", parse_networks(("127.0.0.0/8",)))
