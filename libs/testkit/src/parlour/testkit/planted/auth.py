"""Faults of the auth service."""


def believed_token04() -> None:
    """A token04 is looked at as ever, though its app takes signed login tokens only."""
    from msgspec.structs import replace

    from parlour.auth.domain import verify
    from parlour.auth.domain.rules import Rules
    from parlour.contracts.commands import TokenChecked

    check = verify.check

    def check_unsigned(
        text: str,
        question: verify.Question,
        secrets: list[str],
        now_s: int,
        leeway_s: int,
        *,
        rules: Rules,
        longest_s: int,
    ) -> TokenChecked:
        rules = replace(rules, login_tokens="any")
        return check(text, question, secrets, now_s, leeway_s, rules=rules, longest_s=longest_s)

    verify.check = check_unsigned  # pyright: ignore[reportAttributeAccessIssue] as the service calls it
