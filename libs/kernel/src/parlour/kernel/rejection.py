"""The refusal of a command by a rule."""

from parlour.contracts.codes import Code, Problem


class Rejection(Exception):
    """A rule forbids the command: a stable code and a safe sentence. Nothing was appended."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem

    @classmethod
    def of(cls, code: Code, message: str, *, field: str = "", limit: str = "", hint: str = "") -> "Rejection":
        """Builds a rejection from the parts of a Problem."""
        return cls(Problem(int(code), message, field, limit, hint))
