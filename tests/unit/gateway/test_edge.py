"""What is put around every answer: security headers, HEAD, faults; and the names that a server answers to."""

from typing import Any

import pytest

from parlour.gateway.api.edge import HttpEdge, security_headers
from parlour.gateway.domain.addresses import AllowedHosts
from parlour.gateway.settings import GatewaySettings


async def _answers(app: Any, method: str = "GET") -> tuple[list[Any], list[tuple[str, BaseException]]]:
    sent: list[Any] = []
    faults: list[tuple[str, BaseException]] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": [], "scheme": "http"}
    await HttpEdge(app, lambda where, error: faults.append((where, error)))(scope, receive, send)
    return sent, faults


async def test_an_error_of_ours_is_counted_and_answered_as_a_problem() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ZeroDivisionError

    sent, faults = await _answers(app)
    assert sent[0]["status"] == 500
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
    assert [(where, type(error)) for where, error in faults] == [("http", ZeroDivisionError)]


async def test_an_answer_that_began_is_not_begun_again() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    sent, faults = await _answers(app)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert len(faults) == 1


async def test_an_answer_s_own_policy_stays() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Referrer-Policy", b"origin")]})

    sent, _faults = await _answers(app)
    assert [value for name, value in sent[0]["headers"] if name.lower() == b"referrer-policy"] == [b"origin"]


@pytest.mark.parametrize(
    ("scheme", "host", "pinned"),
    [
        ("https", "meet.example.com", True),
        ("http", "meet.example.com", False),
        ("https", "localhost:8443", False),
        ("https", "127.0.0.1", False),
    ],
)
def test_browsers_keep_tls_where_it_is_a_public_name_s(scheme: str, host: str, pinned: bool) -> None:
    given = security_headers({"scheme": scheme, "headers": [(b"host", host.encode())]}, [])
    assert any(name == b"strict-transport-security" for name, _value in given) == pinned


@pytest.mark.parametrize(
    ("host", "connect"),
    [("meet.example", "'self' ws://meet.example wss://meet.example"), ("[2001:db8::7]:8080", "'self'")],
)
def test_a_page_may_connect_to_the_name_that_it_came_from(host: str, connect: str) -> None:
    given = security_headers({"headers": [(b"host", host.encode())]}, [(b"content-type", b"text/html")])
    policy = dict(given)[b"content-security-policy"].decode()
    assert f"connect-src {connect};" in policy


@pytest.mark.parametrize(
    ("names", "host", "answered"),
    [
        ((), "localhost:8080", True),
        ((), "192.0.2.7", True),
        ((), "[2001:db8::7]:8080", True),
        ((), "gateway", True),
        ((), "gateway.rooms.svc.cluster.local", True),
        ((), "meet.example.com", False),
        ((), "evil.example.", False),
        (("meet.example.com",), "Meet.Example.com:443", True),
        (("meet.example.com",), "meet.example.com.", True),
        (("meet.example.com",), "x.meet.example.com", False),
        (("*.example.com",), "a.b.example.com", True),
        (("*.example.com",), "example.com", False),
        (("*.example.com",), "badexample.com", False),
        (("*",), "evil.example", True),
    ],
)
def test_names_that_are_answered(names: tuple[str, ...], host: str, answered: bool) -> None:
    assert AllowedHosts(names).answers(host) == answered


@pytest.mark.parametrize("name", ["https://meet.example.com", "meet.example.com:8080", "", "a*b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="without scheme and port"):
        AllowedHosts([name])


def test_by_default_public_names_are_refused_on_loopback_alone() -> None:
    assert not GatewaySettings(nats_url="x").answered_hosts().answers("meet.example.com")
    assert GatewaySettings(nats_url="x", host="0.0.0.0").answered_hosts().answers("meet.example.com")
    named = GatewaySettings(nats_url="x", hosts=("meet.example.com",)).answered_hosts()
    assert named.answers("meet.example.com")
    assert not named.answers("evil.example")
