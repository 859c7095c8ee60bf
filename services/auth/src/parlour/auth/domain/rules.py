"""The rules that an app may set for its tokens, and the defaults of an app that sets none.

The defaults are the vendor's behaviour, so that a token server written for the vendor works unchanged.
"""

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid

LOGIN_TOKENS = "login_tokens"
PRIVILEGES = "privileges"
EXPIRY = "expiry"
VALUES: dict[str, tuple[str, ...]] = {
    LOGIN_TOKENS: ("any", "ordered", "signed"),
    PRIVILEGES: ("enforced", "text"),
    EXPIRY: ("keep", "end"),
}
"""The rules and what each may say; a value that an event names and this table does not changes nothing."""


class Rules(msgspec.Struct, frozen=True):
    """login_tokens: any, ordered (a token04 whose fields stand in the safe order), signed (no token04). privileges: enforced, text (a
    token04's payload restricts only where it says so itself). expiry: keep (who is in a room when the token ends stays in it), end (is
    put out).
    """

    login_tokens: str = "any"
    privileges: str = "text"
    expiry: str = "keep"

    def with_rule(self, rule: str, value: str) -> "Rules":
        """These rules with one changed; a rule or value that this release does not know changes nothing."""
        return msgspec.structs.replace(self, **{rule: value}) if value in VALUES.get(rule, ()) else self


def check_value(rule: str, value: str) -> None:
    """Raises `Invalid` with the allowed values where the rule has no such value."""
    if value not in VALUES[rule]:
        raise invalid(Code.PARAMETER, rule, f"{rule} has no such value", limit=", ".join(VALUES[rule]))
