"""Credentials for TURN: as coturn computes them, and over when they say."""

from parlour.gateway.domain.turn_credentials import TurnServers


def test_the_password_is_the_hmac_of_the_user_name() -> None:
    (server,) = TurnServers(("turn:10.0.0.7:3478",), "secret", 3600).issue("session", 1_700_000_000.5)
    assert server.urls == ("turn:10.0.0.7:3478",)
    assert server.username == "1700003600:session"
    # printf 1700003600:session | openssl dgst -sha1 -hmac secret -binary | base64
    assert server.credential == "iKb7MhvPXdAh6mHZKNl1SEhiTuc="


def test_without_urls_nothing_is_handed_out() -> None:
    assert TurnServers().issue("session", 0.0) == ()
