"""Whether a token lets this user do this here and now.

Rules, in this order, each with its refusal before the next is looked at:
1. The outer form (`TOKEN_FORMAT`). 2. One of the app's active secrets opens it (`TOKEN_REFUSED`). 3. It names this app and this user.
4. Header and inner expiry agree, it is not from the future and not expired, give or take `leeway_s` (`TOKEN_EXPIRED`).
5. Its privileges allow the room and the purpose.
"""

from collections.abc import Sequence

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.commands import TokenChecked

from . import privilege
from .token04 import Fine, Sealed, Token, flaw, open_sealed, take_apart

MAX_LEEWAY_S = 60


class Question(msgspec.Struct, frozen=True):
    """purpose: login, renew, publish. An empty `user_id` takes the token's."""

    app: int
    user_id: str = ""
    room: str = ""
    purpose: str = "login"
    stream_id: str = ""


def check(
    text: str, question: Question, secrets: Sequence[str], now_s: int, leeway_s: int = MAX_LEEWAY_S
) -> TokenChecked:
    """What the token allows, or the Rejection that says why not."""
    sealed = take_apart(text)
    token = open_sealed(sealed, secrets)
    _check_owner(token, question)
    _check_time(sealed, token, now_s, min(leeway_s, MAX_LEEWAY_S))
    allowed = privilege.parse(token.payload)
    privilege.check_room(allowed, question.room)
    privilege.check_login(allowed)
    if question.purpose == "publish":
        privilege.check_publish(allowed, question.stream_id)
    return TokenChecked(token.user_id, token.expire, allowed.room, allowed.may_publish, allowed.stream_ids)


def _check_owner(token: Token, question: Question) -> None:
    if token.app_id != question.app:
        raise flaw(Code.TOKEN_REFUSED, "the token is for another app", Fine.APP, "appID and token must belong together")
    if question.user_id and token.user_id != question.user_id:
        raise flaw(
            Code.TOKEN_REFUSED, "the token is for another user", Fine.USER, "userID and token must belong together"
        )


def _check_time(sealed: Sealed, token: Token, now_s: int, leeway_s: int) -> None:
    if sealed.expire != token.expire:
        raise flaw(Code.TOKEN_EXPIRED, "the token's two expiry times differ", Fine.EXPIRED, "ask for a new token")
    if token.ctime > now_s + leeway_s:
        raise flaw(
            Code.TOKEN_EXPIRED, "the token is from the future", Fine.EXPIRED, "check the clock of the token's maker"
        )
    if token.expire <= now_s - leeway_s:
        raise flaw(Code.TOKEN_EXPIRED, "the token has expired", Fine.EXPIRED, "ask for a new token")
