"""Faults of the auth service."""

import msgspec

from .patching import Function, disable, replace


def undeleted_key() -> None:
    """An erased user keeps the key that opens their texts."""
    from parlour.auth.adapters.postgres_person_keys import PostgresPersonKeys

    disable(PostgresPersonKeys, "destroy")


def unscoped_subjects() -> None:
    """A NATS reader with a token of one room may subscribe to all rooms."""
    from parlour.auth.app import nats_reader_sessions
    from parlour.contracts.subscriptions import Subscription

    def wide(shipped: Function) -> Function:
        def grant_for_all_rooms(who: Subscription) -> object:
            return shipped(msgspec.structs.replace(who, room=None))

        return grant_for_all_rooms

    replace(nats_reader_sessions, "grant_for", wide)


def accepted_token04() -> None:
    """A token04 is verified although its app takes signed login tokens only."""
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


def uncounted_connections() -> None:
    """An app's readers may open any number of NATS connections."""
    from parlour.auth.app.reader_connections import ReaderConnections
    from parlour.contracts.subscriptions import Subscription

    def check_number(self: ReaderConnections, who: Subscription) -> None:
        return None

    ReaderConnections.check_number = check_number
