"""How clients reach the suite: addresses, and a certificate that stays while it serves."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from parlour.cli.failures import Unusable
from parlour.cli.supervise.entrance import Entrance
from parlour.cli.supervise.plan import Servers, service
from parlour.cli.supervise.state import Secrets


@pytest.mark.parametrize(
    ("public", "tls", "host", "url"),
    [
        ("", "", "127.0.0.1", "http://127.0.0.1:80"),
        ("", "", "0.0.0.0", "http://127.0.0.1:80"),
        ("", "", "::", "http://[::1]:80"),
        ("10.0.0.7", "self", "0.0.0.0", "https://10.0.0.7:80"),
        ("fd77::1", "self", "::", "https://[fd77::1]:80"),
        ("localhost", "", "0.0.0.0", "http://localhost:80"),
    ],
)
def test_the_address_that_people_type(public: str, tls: str, host: str, url: str) -> None:
    assert Entrance(public, tls).url(host, 80) == url


def test_a_public_address_is_listened_on_and_is_the_only_candidate() -> None:
    entrance = Entrance.from_environment({"PARLOUR_PUBLIC": "[fd77::1]"})
    assert entrance.listen("127.0.0.1") == "::"
    assert Entrance("10.0.0.7").listen("127.0.0.1") == "0.0.0.0"
    assert Entrance("10.0.0.7").listen("10.0.0.7") == "10.0.0.7"
    assert Entrance("10.0.0.7").relay("0.0.0.0")["PARLOUR_RELAY_ADVERTISE"] == "10.0.0.7"
    local = {"PARLOUR_RELAY_LOCAL_ONLY": "true"}
    assert Entrance().relay("127.0.0.1") == local, "Firefox does not reach a relay on 127.0.0.1 alone"
    assert Entrance().relay("::1") == {**local, "PARLOUR_RELAY_BIND": "::1"}
    assert Entrance().relay("0.0.0.0") == {}


def test_what_was_chosen_passes_through_the_environment() -> None:
    entrance = Entrance("10.0.0.7", "self")
    assert Entrance.from_environment(entrance.variables()) == entrance


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no file"):
        Entrance(tls=str(tmp_path / "absent.pem")).check()
    with pytest.raises(Unusable, match="--public"):
        Entrance("no such name.invalid").check()


def test_a_self_signed_certificate_stays_and_is_made_anew_for_another_address(tmp_path: Path) -> None:
    entrance = Entrance("10.0.0.7", "self")
    first = entrance.prepare(tmp_path)
    assert entrance.prepare(tmp_path) == first
    chain, key = entrance.certificate(tmp_path)
    assert key.stat().st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    names = x509.load_pem_x509_certificate(chain.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "10.0.0.7" in map(str, names.value.get_values_for_type(x509.IPAddress))
    assert Entrance("10.0.0.8", "self").prepare(tmp_path) != first


def test_a_given_certificate_may_have_its_key_beside_it() -> None:
    assert Entrance(tls="/c.pem:/k.pem").gateway(Path("/state")) == {
        "PARLOUR_GATEWAY_TLS_CERTIFICATE": "/c.pem",
        "PARLOUR_GATEWAY_TLS_KEY": "/k.pem",
    }
    assert Entrance(tls="/c.pem").certificate(Path("/state")) == (Path("/c.pem"), Path("/c.pem"))


def test_a_file_that_the_user_names_wins_over_a_secret_that_is_derived(tmp_path: Path) -> None:
    launch = service(
        "gateway", servers=Servers({"gateway": "nats://h"}, {}, ""), secrets=Secrets("00", "", "", {}, {}), health_port=0,
        host="127.0.0.1", port=0, state=tmp_path, environ={"PARLOUR_GATEWAY_SESSION_KEY_FILE": "key"}, keeps={},
    )  # fmt: skip
    assert launch.environment["PARLOUR_GATEWAY_SESSION_KEY_FILE"] == "key"
    assert "PARLOUR_GATEWAY_SESSION_KEY" not in launch.environment
