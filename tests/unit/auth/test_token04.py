"""token04: the vendor's own vectors are read; each flaw gets the vendor's code and the finer one."""

import base64
import json
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from parlour.auth.domain import privilege, token04
from parlour.auth.domain.rules import Rules
from parlour.auth.domain.token04 import Fine, Token, encode
from parlour.auth.domain.verify import Question, check
from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

VECTORS = json.loads((Path(__file__).parents[2] / "fixtures" / "token04.json").read_text())
SECRET = VECTORS["secret"]
APP = VECTORS["app_id"]
IV = bytes(range(16))
NOW = 1_800_000_000
GOOD = Token(APP, "alice", 1, NOW - 10, NOW + 3600)
ALICE = Question(APP, "alice")


def _made(secret: str = SECRET, *, header: int | None = None, raw: bytes | None = None, **fields: object) -> str:
    """A token whose JSON holds anything that a test likes."""
    plain = {"app_id": APP, "user_id": "alice", "nonce": 1, "ctime": NOW - 10, "expire": NOW + 3600, "payload": ""}
    plain.update(fields)
    text = json.dumps({k: v for k, v in plain.items() if v is not ...}).encode() if raw is None else raw
    pad = 16 - len(text) % 16
    encryptor = Cipher(algorithms.AES(secret.encode()), modes.CBC(IV)).encryptor()
    ct = encryptor.update(text + bytes([pad]) * pad) + encryptor.finalize()
    expire = plain["expire"] if header is None else header
    whole = expire if isinstance(expire, int) else NOW
    return "04" + base64.b64encode(struct.pack(">qH", whole, 16) + IV + struct.pack(">H", len(ct)) + ct).decode()


def _refused(text: str, question: Question = ALICE, secrets: tuple[str, ...] = (SECRET,)) -> tuple[int, int]:
    with pytest.raises(Rejection) as caught:
        check(text, question, secrets, NOW)
    assert text == "" or text not in str(caught.value.problem), "a token never stands in a message"
    return caught.value.problem.code, caught.value.problem.fine


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['generator']}-{v['case']}")
def test_the_vendors_generators_are_understood(vector: dict[str, str]) -> None:
    read = token04.open_sealed(token04.take_apart(vector["token"]), (SECRET,))
    assert read.app_id == APP
    assert read.user_id == vector["user_id"]
    assert (read.ctime, read.expire, read.payload) == (vector["ctime"], vector["expire"], vector["payload"])


def test_the_published_known_answer() -> None:
    text = (
        "04AAAAAGsA69cAEDd3aGI2MjhvOXRudTk4cGUAcLZbDziHf4b3+JSVVqf5bLf+o3HWuW8Wa36JRqynSv7LWWP9X2Qy/naj+0dZZx+gc4TboCVVlSI"
        "NT5nPi7zrS6U2wezlJjUE/acZJeK1FZx5yiAkVBtAKG1aLwpOpt+oCqGnUNJ//oVWqmcdef+fjUA="
    )
    sealed = token04.take_apart(text)
    assert (sealed.expire, sealed.iv, len(sealed.ciphertext)) == (1795222487, b"7whb628o9tnu98pe", 112)
    read = token04.open_sealed(sealed, ("fa94dd0f974cf2e293728a526b028271",))
    assert read == Token(1, "demo", 179427907, 1795218887, 1795222487, "")
    assert encode(read, "fa94dd0f974cf2e293728a526b028271", sealed.iv) == text


@given(
    st.integers(1, 2**32 - 1), st.text(max_size=64), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**40),
    st.binary(min_size=16, max_size=16), st.text("0123456789abcdef", min_size=32, max_size=32),
)  # fmt: skip
def test_what_is_encoded_is_read_back(app: int, user: str, nonce: int, ctime: int, iv: bytes, secret: str) -> None:
    token = Token(app, user, nonce, ctime, ctime + 60, "")
    text = encode(token, secret, iv)
    assert token04.open_sealed(token04.take_apart(text), ("x" * 32, secret)) == token


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(Rejection):
        check("04" + text, Question(APP), (SECRET,), NOW)


@given(st.integers(0, 100_000), st.integers(1, 255))
def test_any_changed_byte_is_read_or_refused(place: int, change: int) -> None:
    body = bytearray(base64.b64decode(encode(GOOD, SECRET, IV)[2:]))
    body[place % len(body)] ^= change
    assert _outcome("04" + base64.b64encode(body).decode()) in {0, 1102016, 1102018, 1102020}


def _outcome(text: str) -> int:
    try:
        check(text, ALICE, (SECRET,), NOW)
    except Rejection as refused:
        return refused.problem.code
    return 0


_TEXT = encode(GOOD, SECRET, IV)
_BODY = base64.b64decode(_TEXT[2:])


def _bytes(body: bytes) -> str:
    return "04" + base64.b64encode(body).decode()


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("", Fine.NONE),
        ("03" + _TEXT[2:], Fine.VERSION),
        (" " + _TEXT, Fine.VERSION),
        ("room-1", Fine.VERSION),
        ("04" + "A" * 4096, Fine.REFUSED),
        (_TEXT + "\n", Fine.REFUSED),
        (_TEXT[:-1], Fine.REFUSED),
        (_TEXT.replace("=", "") + "é", Fine.REFUSED),
        ("04" + base64.urlsafe_b64encode(b"\xff" * 64).decode(), Fine.REFUSED),
        (_bytes(_BODY[:40]), Fine.REFUSED),
        (_bytes(_BODY[:-16]), Fine.REFUSED),
        (_bytes(_BODY + b"\0"), Fine.REFUSED),
        (_bytes(_BODY[:9] + b"\x0f" + _BODY[10:]), Fine.REFUSED),
        (_bytes(_BODY[:26] + struct.pack(">H", len(_BODY) - 29) + _BODY[28:-1]), Fine.REFUSED),
    ],
)
def test_flaws_of_form(text: str, fine: int) -> None:
    assert _refused(text) == (Code.TOKEN_FORMAT, fine)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (encode(GOOD, "0" * 32, IV), Fine.REFUSED),
        (_made(raw=b"not json at all"), Fine.REFUSED),
        (_made(raw=b"[]"), Fine.REFUSED),
        (_made(raw=b"\xff\xfe{}"), Fine.REFUSED),
        (_made(raw=b""), Fine.REFUSED),
        (_made(app_id=APP + 1), Fine.APP),
        (_made(app_id=str(APP)), Fine.APP),
        (_made(app_id=...), Fine.APP),
        (_made(user_id="mallory"), Fine.USER),
        (_made(user_id=7), Fine.USER),
        (_made(nonce="1"), Fine.NONCE),
        (_made(nonce=True), Fine.NONCE),
        (_made(nonce=1.5), Fine.NONCE),
        (_made(nonce=2**70), Fine.NONCE),
        (_made(ctime="now"), Fine.REFUSED),
        (_made(payload=7), Fine.PAYLOAD),
        (_made(payload="not json"), Fine.PAYLOAD),
        (_made(payload="[]"), Fine.PAYLOAD),
        (_made(payload='{"privilege":{"1":2}}'), Fine.PAYLOAD),
        (_made(payload='{"stream_id_list":"s"}'), Fine.PAYLOAD),
    ],
)
def test_flaws_of_content(text: str, fine: int) -> None:
    assert _refused(text) == (Code.TOKEN_REFUSED, fine)


def _raw(*pairs: tuple[str, object]) -> str:
    """A token whose JSON has these pairs after the usual six fields, repeated ones too."""
    plain = {"app_id": APP, "user_id": "alice", "nonce": 1, "ctime": NOW - 10, "expire": NOW + 3600, "payload": ""}
    said = ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in (*plain.items(), *pairs))
    return _made(raw=b"{" + said.encode() + b"}")


@pytest.mark.parametrize(
    "pair",
    [("user_id", "boss"), ("user_id", "alice"), ("app_id", APP), ("expire", NOW + 9999), ("payload", ""), ("admin", True), ("", 0)],
)  # fmt: skip
def test_a_key_that_is_repeated_or_unknown_is_refused(pair: tuple[str, object]) -> None:
    assert _refused(_raw(pair), Question(APP)) == (Code.TOKEN_REFUSED, Fine.REFUSED)


def test_a_key_is_repeated_however_it_is_escaped() -> None:
    plain = f'{{"app_id":{APP},"user_id":"alice","nonce":1,"ctime":{NOW},"expire":{NOW + 60},"user\\u005fid":"boss"}}'
    assert _refused(_made(raw=plain.encode(), expire=NOW + 60), Question(APP)) == (Code.TOKEN_REFUSED, Fine.REFUSED)


def test_nesting_without_end_is_refused() -> None:
    assert _refused(_made(raw=b'{"app_id":' + b"[" * 2900), Question(APP))[0] == Code.TOKEN_REFUSED


@pytest.mark.parametrize("user", ["", "a b", "b\u00f6ss", "x" * 65, "\x00"])
def test_an_id_that_is_none_is_refused_before_it_is_compared(user: str) -> None:
    assert _refused(_made(user_id=user), Question(APP, user)) == (Code.TOKEN_REFUSED, Fine.USER)


@pytest.mark.parametrize(
    "payload",
    [
        '{"room_id":"a","room_id":"b"}',
        '{"privilege":{"2":0,"2":1}}',
        '{"privilege":{"3":1}}',
        '{"privilege":{"1":true}}',
        '{"room":"a"}',
        '{"room_id":"no such\\u0000"}',
        '{"stream_id_list":["\\u00ff"]}',
    ],
)
def test_a_payload_is_read_as_strictly(payload: str) -> None:
    assert _refused(_made(payload=payload)) == (Code.TOKEN_REFUSED, Fine.PAYLOAD)


TEXT = Rules(privileges="text")


@pytest.mark.parametrize("payload", ["hello", '{"privilege":{"2":0}}', '{"room_id":"elsewhere"}', "[1]", "\u00ff"])
def test_where_privileges_are_not_enforced_a_payload_is_text(payload: str) -> None:
    publishing = Question(APP, "alice", "here", "publish", "s")
    allowed = check(_made(payload=payload), publishing, (SECRET,), NOW, rules=TEXT)
    assert (allowed.room, allowed.may_publish) == ("", True)


def test_what_is_made_here_for_one_room_is_so_everywhere() -> None:
    with pytest.raises(Rejection):
        check(_made(payload=privilege.encode("tea")), Question(APP, "alice", "here"), (SECRET,), NOW, rules=TEXT)
    assert check(_made(payload=privilege.encode("tea")), Question(APP), (SECRET,), NOW, rules=TEXT).room == "tea"


def test_a_lifetime_is_bounded_and_the_limit_is_named() -> None:
    text = _made(expire=NOW + 86_401)
    assert check(text, ALICE, (SECRET,), NOW).user_id == "alice"
    with pytest.raises(Rejection) as caught:
        check(text, ALICE, (SECRET,), NOW, longest_s=86_400)
    assert (caught.value.problem.code, caught.value.problem.limit) == (Code.TOKEN_EXPIRED, "86400 s")
    assert _refused(_made(expire=2**62, header=2**62)) == (Code.TOKEN_EXPIRED, Fine.EXPIRED)


def _flipped(text: str, place: int, change: int) -> str:
    """The token with one byte of its first block of plain text altered, as whoever holds it can without the secret."""
    body = bytearray(base64.b64decode(text[2:]))
    body[10 + place] ^= change
    return _bytes(bytes(body))


def _java(user: str) -> str:
    """As the vendor's Java generator makes it: `user_id` first."""
    pairs = {"user_id": user, "payload": "", "app_id": APP, "nonce": 1, "ctime": NOW - 10, "expire": NOW + 3600}
    return _made(raw=json.dumps(pairs, separators=(",", ":")).encode())


def test_an_altered_first_block_gains_nothing_where_the_app_asks_for_the_order() -> None:
    forged = _flipped(_java("bdmin"), 12, ord("a") ^ ord("b"))
    assert check(forged, Question(APP, "admin"), (SECRET,), NOW).user_id == "admin", "what the format allows"
    ordered = Rules(login_tokens="ordered")
    for text in (forged, _java("bdmin")):
        with pytest.raises(Rejection) as caught:
            check(text, Question(APP), (SECRET,), NOW, rules=ordered)
        assert caught.value.problem.code == Code.TOKEN_REFUSED
    assert check(_TEXT, ALICE, (SECRET,), NOW, rules=ordered).user_id == "alice"
    for place in range(16):
        for change in range(1, 256):
            with pytest.raises(Rejection):
                check(_flipped(_TEXT, place, change), Question(APP), (SECRET,), NOW, rules=ordered)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['generator']}-{v['case']}")
def test_the_vendors_other_generators_keep_the_order(vector: dict[str, str]) -> None:
    assert token04.open_sealed(token04.take_apart(vector["token"]), (SECRET,)).ordered


@given(st.binary(min_size=16, max_size=16))
def test_a_block_replaced_by_a_stranger_makes_nobody_else(noise: bytes) -> None:
    """Plain text as it comes out when one block of an own token is replaced: noise, then a block of the forger's choice."""
    head = f'{{"app_id":{APP},"user_id":"mm'.encode()
    plain = head + noise + b'abc","user_id":"' + b'boss","nonce":1,"ctime":' + str(NOW).encode()
    plain += f',"expire":{NOW + 60},"payload":""}}'.encode()
    assert _refused(_made(raw=plain, expire=NOW + 60), Question(APP, "boss"))[0] == Code.TOKEN_REFUSED


def test_an_app_that_asks_for_signatures_takes_no_token04() -> None:
    with pytest.raises(Rejection) as caught:
        check(_TEXT, ALICE, (SECRET,), NOW, rules=Rules(login_tokens="signed"))
    assert (caught.value.problem.code, caught.value.problem.fine) == (Code.TOKEN_REFUSED, Fine.VERSION)
    assert "signed" in caught.value.problem.message


@pytest.mark.parametrize(
    "text",
    [
        _made(expire=NOW - 61),
        _made(expire=NOW - 60),
        _made(header=NOW + 9999),
        _made(ctime=NOW + 61),
    ],
)
def test_flaws_of_time(text: str) -> None:
    assert _refused(text) == (Code.TOKEN_EXPIRED, Fine.EXPIRED)


@pytest.mark.parametrize(
    "text", [_made(expire=NOW - 59), _made(ctime=NOW + 60), _made(payload=...), _made(payload=None)]
)
def test_the_leeway_is_a_minute_and_a_payload_may_be_missing(text: str) -> None:
    assert check(text, Question(APP, "alice"), (SECRET,), NOW).user_id == "alice"


def test_an_empty_user_takes_the_tokens() -> None:
    assert check(_made(user_id="bob"), Question(APP), (SECRET,), NOW).user_id == "bob"


def test_two_secrets_while_rotating() -> None:
    assert check(_made("1" * 32), Question(APP, "alice"), ("2" * 32, "1" * 32), NOW).user_id == "alice"


def _vector(case: str) -> str:
    return next(v["token"] for v in VECTORS["vectors"] if v["case"] == case)


def test_privileges_of_the_vendors_tokens() -> None:
    one_room = check(
        _vector("login and publish in one room"), Question(APP, "bob", "room-1", "publish", "s"), (SECRET,), NOW
    )
    assert (one_room.room, one_room.may_publish, one_room.stream_ids) == ("room-1", True, ())
    login_only = check(_vector("login only"), Question(APP, "carol", "room-1"), (SECRET,), NOW)
    assert not login_only.may_publish
    publishing = Question(APP, room="x", purpose="publish", stream_id="s-2")
    named = check(_vector("publish two named streams, any room"), publishing, (SECRET,), NOW)
    assert named.stream_ids == ("s_1", "s-2")


@pytest.mark.parametrize(
    ("case", "question", "code"),
    [
        ("login and publish in one room", Question(APP, "bob", "room-2"), Code.TOKEN_REFUSED),
        ("login denied", Question(APP, "eve", "room-1"), Code.TOKEN_REFUSED),
        ("login only", Question(APP, "carol", "room-1", "publish", "s"), Code.PUBLISH_AUTH),
        (
            "publish two named streams, any room",
            Question(APP, room="x", purpose="publish", stream_id="s_3"),
            Code.PUBLISH_AUTH,
        ),
        ("payload is not JSON", Question(APP, "frank"), Code.TOKEN_REFUSED),
    ],
)
def test_what_a_privilege_denies(case: str, question: Question, code: Code) -> None:
    assert _refused(_vector(case), question)[0] == code


def test_a_payload_made_here_is_understood() -> None:
    assert privilege.parse(privilege.encode("r")) == privilege.Privileges("r")
    assert privilege.parse(privilege.encode("")) == privilege.Privileges()
