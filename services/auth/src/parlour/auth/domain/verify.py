"""Checks whether a token04 lets a user log in or publish now.

Rules, in this order, each refused before the next is checked:
1. The outer form (`TOKEN_FORMAT`). 2. One of the app's active secrets opens it, and its fields stand in the order that the app asks for
(`TOKEN_REFUSED`). 3. It names this app and, by an id that is one, this user.
4. Header and inner expiry agree, it is not from the future, not expired, give or take `leeway_s`, and not valid for longer than
`longest_s` from now (`TOKEN_EXPIRED`).
5. Its privileges allow the room and the purpose, where they are enforced.
"""

from collections.abc import Sequence

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.commands import TokenChecked
from parlour.contracts.ids import Invalid, check_user_id
from parlour.kernel.rejection import Rejection

from . import privilege
from .rules import Rules
from .token04 import Fine, Token, flaw, open_sealed, take_apart

MAX_LEEWAY_S = 60
LONGEST_S = 3660 * 86400
"""Ten years and a little: the longest that the vendor's generators are known to be asked for."""
STRICT = Rules(privileges="enforced")
"""The rules where the caller names none: payloads restrict."""


class Question(msgspec.Struct, frozen=True):
    """What the token is to allow; `purpose` is login, renew or publish. An empty `user_id` takes the token's."""

    app: int
    user_id: str = ""
    room: str = ""
    purpose: str = "login"
    stream_id: str = ""


def check(
    text: str, question: Question, secrets: Sequence[str], now_s: int, leeway_s: int = MAX_LEEWAY_S, *,
    rules: Rules = STRICT, longest_s: int = LONGEST_S,
) -> TokenChecked:  # fmt: skip
    """What the token allows; `Rejection` where it does not allow what is asked."""
    if rules.login_tokens == "signed":
        raise flaw(
            Code.TOKEN_REFUSED, "this app takes signed login tokens only, and a token04 is not signed", Fine.VERSION,
            "parlour token --signed, or see the how-to about tokens",
        )  # fmt: skip
    sealed = take_apart(text)
    token = open_sealed(sealed, secrets)
    _check_order(token, rules)
    _check_owner(token, question)
    if sealed.expire != token.expire:
        raise flaw(Code.TOKEN_EXPIRED, "the token's two expiry times differ", Fine.EXPIRED, "ask for a new token")
    check_times(token.ctime, token.expire, now_s, min(leeway_s, MAX_LEEWAY_S), longest_s)
    allowed = privilege.parse(token.payload, enforced=rules.privileges == "enforced")
    privilege.check_room(allowed, question.room)
    privilege.check_login(allowed)
    if question.purpose == "publish":
        privilege.check_publish(allowed, question.stream_id)
    return TokenChecked(token.user_id, token.expire, allowed.room, allowed.may_publish, allowed.stream_ids)


def check_times(begins_s: float, expires_s: int, now_s: int, leeway_s: int, longest_s: int) -> None:
    """Refuses a token, of whatever form, that is from the future, that has expired, or that would be valid for longer than `longest_s`,
    which is as good as one without end."""
    if begins_s >= now_s + 1 + leeway_s:  # `now_s` is a whole second
        raise flaw(
            Code.TOKEN_EXPIRED, "the token is from the future", Fine.EXPIRED, "check the clock of the token's maker"
        )
    if expires_s <= now_s - leeway_s:
        raise flaw(Code.TOKEN_EXPIRED, "the token has expired", Fine.EXPIRED, "ask for a new token")
    if expires_s > now_s + longest_s:
        raise Rejection(
            Code.TOKEN_EXPIRED, "the token would be valid for too long", field="token", limit=f"{longest_s} s",
            hint="make it with a shorter lifetime", fine=Fine.EXPIRED,
        )  # fmt: skip


def _check_order(token: Token, rules: Rules) -> None:
    if rules.login_tokens == "ordered" and not token.ordered:
        raise flaw(
            Code.TOKEN_REFUSED, "the token's fields do not stand in the order that this app asks for", Fine.REFUSED,
            "app_id and user_id first, payload last",
        )  # fmt: skip


def _check_owner(token: Token, question: Question) -> None:
    try:
        check_user_id(token.user_id)
    except Invalid:
        raise flaw(Code.TOKEN_REFUSED, "the token's user_id is not a user id", Fine.USER) from None
    check_owner(token.app_id, token.user_id, question)


def check_owner(app: int, user_id: str, question: Question) -> None:
    """Refuses a token, of whatever form, that was made for another app or for another user than the one who presents it."""
    if app != question.app:
        raise flaw(Code.TOKEN_REFUSED, "the token is for another app", Fine.APP, "appID and token must belong together")
    if question.user_id and user_id != question.user_id:
        raise flaw(
            Code.TOKEN_REFUSED, "the token is for another user", Fine.USER, "userID and token must belong together"
        )
