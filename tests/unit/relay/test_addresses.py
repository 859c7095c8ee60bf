"""This machine's addresses and one port for all of them."""

import ipaddress
import socket

from parlour.relay.adapters.addresses import MAX_ADDRESSES, free_port, local_addresses


def test_loopback_is_there_and_last() -> None:
    found = local_addresses()
    assert 0 < len(found) <= MAX_ADDRESSES
    assert found[-1] == "127.0.0.1"
    assert not any(ipaddress.ip_address(address).is_link_local for address in found)


def test_the_port_is_free_on_each() -> None:
    addresses = local_addresses()
    port = free_port(addresses)
    assert port
    for address in addresses:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.bind((address, port))


def test_an_address_that_is_not_ours_has_no_port() -> None:
    assert free_port(["198.51.100.1"]) == 0
