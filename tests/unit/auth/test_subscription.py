"""Subscription tokens: each flaw has its code, whoever made the token; revocations last as long as tokens do."""

import json

import jwt
import pytest

from parlour.auth.domain import application, subscription
from parlour.auth.domain.application import MAX_REVOKED, Active, Revoke, Revoked, SecretRef, Subscribe
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import TTL_MAX_S
from parlour.kernel.rejection import Rejection

APP, NOW = 7, 1_700_000_000
SECRET, OTHER = "s" * 32, "o" * 32
GOOD: dict[str, object] = {
    "app": APP,
    "room": "tea=2Fone",
    "scopes": ["events"],
    "exp": NOW + 60,
    "jti": "j1",
    "iat": NOW,
}


class NoIds:
    """An app needs no new ids."""

    def uuid7(self) -> str:
        raise AssertionError("an app draws no ids")


def made(claims: dict[str, object], secret: str = SECRET, **header: str) -> str:
    """As an application's own server makes it, with a library that is not ours to choose."""
    return jwt.encode(claims, subscription.key_of(secret), "HS256", headers=header or None)


def test_what_an_application_signs_itself_is_read() -> None:
    found = subscription.read(made({**GOOD, "user": "ann"}), APP, (OTHER, SECRET), NOW)
    assert (found.room, found.user, found.scopes, found.jti) == ("tea/one", "ann", ("events",), "j1")
    everywhere = subscription.read(made({**GOOD, "room": "*"}), APP, (SECRET,), NOW)
    assert (everywhere.room, everywhere.user) == (None, None)
    assert everywhere.covers("anything")
    assert not found.covers("tea")


def test_a_makers_clock_may_be_off_by_the_leeway() -> None:
    token = made({**GOOD, "iat": NOW + 60, "nbf": NOW + 60})
    assert subscription.read(token, APP, (SECRET,), NOW).jti == "j1"
    with pytest.raises(Rejection):
        subscription.read(token, APP, (SECRET,), NOW, leeway_s=5)
    of_this_second = made({**GOOD, "iat": NOW + 0.9})
    assert subscription.read(of_this_second, APP, (SECRET,), NOW, leeway_s=0).jti == "j1"


def test_what_is_signed_here_is_a_jwt_for_everybody() -> None:
    claims = subscription.claims_for(APP, "tea/one", "", ("events", "audit"), jti="j", at_ms=NOW * 1000 + 1, ttl_s=60)
    token = subscription.sign(claims, SECRET)
    assert token == subscription.sign(claims, SECRET)
    payload = jwt.decode(
        token, subscription.key_of(SECRET), ["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert payload == {
        "app": 7,
        "room": "tea=2Fone",
        "scopes": ["events", "audit"],
        "exp": NOW + 60,
        "jti": "j",
        "iat": NOW + 0.001,
    }
    assert subscription.read(token, APP, (SECRET,), NOW).issued_ms == NOW * 1000 + 1


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", Code.TOKEN_FORMAT),
        ("04abc", Code.TOKEN_FORMAT),
        ("a.b.c", Code.TOKEN_FORMAT),
        (made(GOOD) + "a" * subscription.TOKEN_BYTES, Code.TOKEN_FORMAT),
        (jwt.encode(GOOD, "", "none"), Code.TOKEN_FORMAT),
        (jwt.encode(GOOD, "k" * 64, "HS512"), Code.TOKEN_FORMAT),
        (jwt.PyJWS().encode(b"[]", subscription.key_of(SECRET)), Code.TOKEN_FORMAT),
        (made({**GOOD, "room": "tea/one"}), Code.TOKEN_FORMAT),
        (made({**GOOD, "room": ""}), Code.TOKEN_FORMAT),
        (made({**GOOD, "user": "no spaces"}), Code.TOKEN_FORMAT),
        (made({**GOOD, "jti": ""}), Code.TOKEN_FORMAT),
        (made({**GOOD, "scopes": "events"}), Code.TOKEN_FORMAT),
        (made({key: value for key, value in GOOD.items() if key != "exp"}), Code.TOKEN_FORMAT),
        (made(GOOD, OTHER), Code.TOKEN_REFUSED),
        (made(GOOD, kid="00000000"), Code.TOKEN_REFUSED),
        (made(GOOD)[:-4] + "AAAA", Code.TOKEN_REFUSED),
        (made({**GOOD, "app": 8}), Code.TOKEN_REFUSED),
        (made({**GOOD, "scopes": []}), Code.TOKEN_REFUSED),
        (made({**GOOD, "scopes": ["events", "root"]}), Code.TOKEN_REFUSED),
        (made({**GOOD, "exp": NOW}), Code.TOKEN_EXPIRED),
        (made({**GOOD, "iat": NOW + 61}), Code.TOKEN_EXPIRED),
        (made({**GOOD, "nbf": NOW + 61}), Code.TOKEN_EXPIRED),
        (made({**GOOD, "nbf": "soon"}), Code.TOKEN_FORMAT),
        (made({**GOOD, "exp": NOW + TTL_MAX_S + 1}), Code.TOKEN_EXPIRED),
    ],
)  # fmt: skip
def test_each_flaw_has_its_code(token: str, code: Code) -> None:
    with pytest.raises(Rejection) as caught:
        subscription.read(token, APP, (SECRET,), NOW)
    assert caught.value.problem.code == code
    assert SECRET not in json.dumps(caught.value.problem.message)


@pytest.mark.parametrize(("jti", "actor", "room"), [("j", "", ""), ("", "a", ""), ("", "", "r")])
def test_a_revocation_refuses_what_was_made_before_it(jti: str, actor: str, room: str) -> None:
    state: application.State = Active(APP, "tea", (SecretRef("s1"),))
    for event in application.decide(state, Revoke(jti, actor, room), at=NOW * 1_000_000, ids=NoIds()):
        state = application.evolve(state, event)
    assert isinstance(state, Active)
    assert state.is_revoked("j", "a", "r", NOW * 1000)
    assert not state.is_revoked("j", "a", "r", NOW * 1000 + 1), "what is made afterwards is valid"
    assert not state.is_revoked("other", "", "", NOW * 1000), "nobody else's token is touched"


def test_revocations_are_bounded_and_end() -> None:
    full = {("jti", str(n)): Revoked(NOW * 1000, NOW + TTL_MAX_S) for n in range(MAX_REVOKED)}
    state = Active(APP, "tea", (SecretRef("s1"),), full)
    with pytest.raises(Rejection) as caught:
        application.decide(state, Revoke("one more", "", ""), at=NOW * 1_000_000, ids=NoIds())
    assert caught.value.problem.code == Code.RATE_LIMITED
    later = (NOW + TTL_MAX_S + 1) * 1_000_000
    (event,) = application.decide(state, Revoke("one more", "", ""), at=later, ids=NoIds())
    after = application.evolve(state, event)
    assert isinstance(after, Active)
    assert set(after.revoked) == {("jti", "one more")}


def test_a_token_made_is_on_the_record() -> None:
    state = Active(APP, "tea", (SecretRef("s1"),))
    made = application.decide(state, Subscribe("j", "a", "r", ("events",), NOW), at=NOW, ids=NoIds())
    assert made == (ev.SubscriptionIssued(APP, "j", "a", "r", ("events",), NOW),)
