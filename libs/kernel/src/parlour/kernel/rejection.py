"""The refusal of a command by a rule."""

import msgspec

from parlour.contracts.codes import Problem


class Rejection(Exception):
    """A rule forbids the command: a stable code and a safe sentence. Nothing was appended."""

    def __init__(
        self, code: int, message: str, *, field: str = "", limit: str = "", hint: str = "", fine: int = 0
    ) -> None:
        super().__init__(message)
        self.problem = Problem(int(code), message, field, limit, hint, fine)

    @classmethod
    def from_problem(cls, problem: Problem) -> "Rejection":
        """Builds the rejection with which another service answered."""
        return Rejection(**msgspec.structs.asdict(problem))
