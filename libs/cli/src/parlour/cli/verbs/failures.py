"""What can go wrong in a way that the user can mend, and the sentence for each."""

from parlour.kernel.rejection import Rejection

from ..embedded import StateTooOld
from ..operator.failures import NotRunning, Unsigned
from ..supervise.bring_up import PortTaken
from ..supervise.state import FolderLocked, StartFailed, Unusable


class BadVariable(Exception):
    """A variable of the environment has a value that no verb can use."""


def expected() -> tuple[type[Exception], ...]:
    """Failures with a message of their own."""
    return (StartFailed, Unusable, FolderLocked, PortTaken, StateTooOld, NotRunning, BadVariable, Unsigned)


def sentence(problem: Exception) -> str:
    """The text for people."""
    if isinstance(problem, Rejection):
        found = problem.problem
        more = "".join(f"; {part}" for part in (found.limit, found.hint) if part)
        return f"refused with {found.code}: {found.message}{more}"
    return str(problem)
