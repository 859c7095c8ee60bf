"""Signed login tokens: each flaw of header, key, claims and time has its code, whoever made the token."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from parlour.auth.domain import login_token, subscription
from parlour.auth.domain.verify import Question
from parlour.contracts.codes import Code
from parlour.contracts.commands import TokenChecked
from parlour.contracts.ids import Invalid
from parlour.contracts.login_tokens import LONGEST_S, TYPE, key_of
from parlour.contracts.signing_keys import kid_of
from parlour.kernel.rejection import Rejection

APP, NOW = 7, 1_800_000_000
SECRET, OTHER = "s" * 32, "o" * 32
KEY = key_of(SECRET)
PRIVATE = Ed25519PrivateKey.generate()
STRANGER = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes_raw()
PUBLIC_KEYS = {"web": base64.b64encode(PUBLIC).decode()}
GOOD: dict[str, Any] = {"aud": "parlour", "app": APP, "user": "ann", "iat": NOW, "exp": NOW + 60}
ANN = Question(APP, "ann", "tea")


def of_secret(claims: dict[str, Any] = GOOD, key: Any = KEY, alg: str = "HS256", **header: Any) -> str:
    """As an app's own server makes it, with a library that is not ours to choose; a header that is None is left out."""
    said = {"typ": TYPE, "kid": kid_of(KEY), **header}
    return jwt.encode(claims, key, alg, headers={k: v for k, v in said.items() if v is not None})


def of_key(claims: dict[str, Any] = GOOD, key: Any = PRIVATE, **header: Any) -> str:
    return of_secret(claims, key, "EdDSA", **{"kid": "web", **header})


def by_hand(header: dict[str, Any], claims: dict[str, Any] = GOOD, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def read(token: str, question: Question = ANN, secrets: tuple[str, ...] = (SECRET,), **more: Any) -> TokenChecked:
    options = {"leeway_s": 60, "longest_s": LONGEST_S, **more}
    return login_token.check(token, question, secrets, PUBLIC_KEYS, NOW, **options)


def test_a_token_of_this_second_is_not_from_the_future() -> None:
    assert read(of_secret({**GOOD, "iat": NOW + 0.9}), leeway_s=0).user_id == "ann"


def code_of(token: str, question: Question = ANN, **more: Any) -> int:
    with pytest.raises(Rejection) as caught:
        read(token, question, **more)
    assert SECRET not in str(caught.value.problem)
    assert token not in str(caught.value.problem)
    return caught.value.problem.code


@pytest.mark.parametrize("made", [of_secret, of_key])
def test_what_a_key_of_the_app_signed_is_read(made: Any) -> None:
    whole = {
        **GOOD,
        "nbf": NOW,
        "jti": "x",
        "room": "tea",
        "publish": False,
        "streams": ["s1"],
        "aud": ["parlour", "other"],
    }
    assert read(made(whole)) == TokenChecked("ann", NOW + 60, "tea", False, ("s1",))
    assert read(made()) == TokenChecked("ann", NOW + 60)
    assert read(made(), Question(APP)).user_id == "ann"


def test_what_is_signed_here_is_a_jwt_for_everybody() -> None:
    claims = login_token.LoginClaims("parlour", APP, "ann", NOW, NOW + 60, room="tea")
    token = login_token.sign(claims, SECRET)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": TYPE, "kid": kid_of(KEY)}
    options: Any = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, KEY, ["HS256"], audience="parlour", options=options)["room"] == "tea"
    assert read(token).room == "tea"


def test_both_secrets_sign_while_rotating() -> None:
    assert read(of_secret(), secrets=(OTHER, SECRET)).user_id == "ann"
    assert code_of(of_secret(), secrets=(OTHER,)) == Code.TOKEN_REFUSED


HEADER = {"alg": "HS256", "typ": TYPE, "kid": kid_of(KEY)}


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "..",
        of_secret() + "a" * 4096,
        by_hand({**HEADER, "alg": "none"}),
        by_hand({**HEADER, "alg": "None"}),
        by_hand({**HEADER, "alg": "nOnE"}, signature=b"x"),
        by_hand({**HEADER, "alg": ["HS256"]}),
        by_hand({**HEADER, "alg": None}),
        by_hand({"typ": TYPE, "kid": "web"}),
        by_hand({**HEADER, "alg": "RS256"}, signature=b"x" * 256),
        of_secret(key=ec.generate_private_key(ec.SECP256R1()), alg="ES256"),
        of_secret(key="k" * 64, alg="HS512"),
        of_secret(typ="JWT"),
        of_secret(typ=None),
        of_secret(typ="application/" + TYPE),
        of_secret(kid=None),
        by_hand({**HEADER, "kid": 7}, signature=b"x"),
        by_hand({**HEADER, "crit": ["exp"]}, signature=b"x"),
    ],
)
def test_flaws_of_form(token: str) -> None:
    assert code_of(token) in (Code.TOKEN_FORMAT, Code.TOKEN_REFUSED)


PEM = PRIVATE.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hmac_with_public_key(key: bytes, kid: str) -> str:
    """The confusion of algorithms: a public key, which anybody has, used as the key of an HMAC."""
    header = (
        base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": TYPE, "kid": kid}).encode()).decode().rstrip("=")
    )
    body = f"{header}.{base64.urlsafe_b64encode(json.dumps(GOOD).encode()).decode().rstrip('=')}"
    mac = hmac.digest(key, body.encode(), hashlib.sha256)
    return f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "token",
    [
        of_secret(key=key_of(OTHER)),
        of_secret(key=key_of(OTHER), kid=kid_of(key_of(OTHER))),
        of_secret(key=SECRET),
        of_secret(key=subscription.key_of(SECRET)),
        of_secret(key=subscription.key_of(SECRET), kid=kid_of(subscription.key_of(SECRET))),
        of_secret(kid="00000000"),
        of_secret(kid=""),
        of_secret(kid="web"),
        of_key(key=STRANGER),
        of_key(kid=kid_of(KEY)),
        of_key(kid="../web"),
        _hmac_with_public_key(PUBLIC, "web"),
        _hmac_with_public_key(PEM, "web"),
        _hmac_with_public_key(PUBLIC, kid_of(PUBLIC)),
        of_key()[:-4] + "AAAA",
        of_key()[:-86] + "A" * 86,
        of_secret()[:-4] + "AAAA",
    ],
)
def test_who_holds_no_key_of_the_app_signs_nothing(token: str) -> None:
    assert code_of(token) in (Code.TOKEN_REFUSED, Code.TOKEN_FORMAT)


@pytest.mark.parametrize("made", [of_secret, of_key])
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aud": "other"}, Code.TOKEN_REFUSED),
        ({"aud": []}, Code.TOKEN_REFUSED),
        ({"aud": None}, Code.TOKEN_REFUSED),
        ({"aud": ...}, Code.TOKEN_REFUSED),
        ({"app": 8}, Code.TOKEN_REFUSED),
        ({"app": "7"}, Code.TOKEN_REFUSED),
        ({"user": "bob"}, Code.TOKEN_REFUSED),
        ({"user": "no spaces"}, Code.TOKEN_REFUSED),
        ({"user": ...}, Code.TOKEN_REFUSED),
        ({"room": "coffee"}, Code.TOKEN_REFUSED),
        ({"room": 7}, Code.TOKEN_REFUSED),
        ({"rooms": ["tea"]}, Code.TOKEN_REFUSED),
        ({"publish": 1}, Code.TOKEN_REFUSED),
        ({"streams": "s"}, Code.TOKEN_REFUSED),
        ({"exp": ...}, Code.TOKEN_REFUSED),
        ({"exp": str(NOW + 60)}, Code.TOKEN_REFUSED),
        ({"iat": ...}, Code.TOKEN_REFUSED),
        ({"exp": NOW - 60}, Code.TOKEN_EXPIRED),
        ({"exp": NOW + LONGEST_S + 1}, Code.TOKEN_EXPIRED),
        ({"iat": NOW + 61}, Code.TOKEN_EXPIRED),
        ({"nbf": NOW + 61}, Code.TOKEN_EXPIRED),
    ],
)
def test_flaws_of_claims(made: Any, changed: dict[str, Any], code: Code) -> None:
    claims = {k: v for k, v in {**GOOD, **changed}.items() if v is not ...}
    # some are of types that a library refuses to encode as a claim of that name, so the payload is signed as it is
    header = {"typ": TYPE, "kid": kid_of(KEY) if made is of_secret else "web"}
    key, alg = (KEY, "HS256") if made is of_secret else (PRIVATE, "EdDSA")
    assert code_of(jwt.PyJWS().encode(json.dumps(claims).encode(), key, alg, header)) == code


def test_publishing_and_streams_are_enforced() -> None:
    muted, one = of_secret({**GOOD, "publish": False}), of_secret({**GOOD, "streams": ["s1"]})
    assert code_of(muted, Question(APP, "ann", "tea", "publish", "s1")) == Code.PUBLISH_AUTH
    assert code_of(one, Question(APP, "ann", "tea", "publish", "s2")) == Code.PUBLISH_AUTH
    assert read(one, Question(APP, "ann", "tea", "publish", "s1")).stream_ids == ("s1",)


def test_a_shorter_limit_holds() -> None:
    assert code_of(of_secret({**GOOD, "exp": NOW + 601}), longest_s=600) == Code.TOKEN_EXPIRED


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_altered_byte_is_read_as_something_else(place: int, change: int) -> None:
    for token in (of_secret(), of_key()):
        body = bytearray(token.encode())
        body[place % len(body)] ^= change
        text = body.decode("latin-1")
        try:
            found = login_token.check(
                text, Question(APP), (SECRET,), PUBLIC_KEYS, NOW, leeway_s=60, longest_s=LONGEST_S
            )
        except Rejection:
            continue
        assert found == read(token), "the unused bits at the end of base64"


def test_a_public_key_is_read_from_pem_and_nothing_else() -> None:
    assert login_token.public_key(PEM.decode()) == PUBLIC_KEYS["web"]
    private = PRIVATE.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    of_a_curve = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for text in ("", "hello", private.decode(), of_a_curve.decode(), PEM.decode() * 20, "\x00"):
        with pytest.raises(Invalid) as caught:
            login_token.public_key(text)
        assert caught.value.problem.field == "public_key"
