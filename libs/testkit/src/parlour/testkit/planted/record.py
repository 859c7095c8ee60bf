"""Faults of the record service and of what it writes."""


def unverified_drop() -> None:
    """A month is dropped without a look at the file that it was exported to."""
    from parlour.record.app.retention.check import Checker
    from parlour.record.app.retention.ports import Archived

    async def no_problem(self: Checker, archive: Archived) -> str:
        return ""

    Checker.problem = no_problem


def trusting_verifier() -> None:
    """Who verifies an export believes the hashes that stand in it."""
    from parlour.runtime.exports import event_checks

    def matches(before: bytes, line: object) -> bool:
        return True

    event_checks.hash_matches = matches
