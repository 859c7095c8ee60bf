"""Options and arguments that many verbs have, so that each says the same everywhere, and the question before what cannot be undone."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .suite import APP_VARIABLE, default_app

App = Annotated[
    int,
    typer.Option(
        help="Application id.", default_factory=default_app, show_default=f"{APP_VARIABLE}, or the app that `up` made"
    ),
]
AppArgument = Annotated[int, typer.Argument(help="Application id.")]
Room = Annotated[str, typer.Argument(help="Room id.")]
Call = Annotated[str, typer.Option(help="A certain call of the room (its roomUID); the latest when not given.")]
Key = Annotated[
    list[str] | None, typer.Option(metavar="KEY", help="A public key, or a file with one; may be given again.")
]
Json = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]
TIMES = "as 2026-11-21T14:03:07Z, or 14:03:07 for today (UTC)"
"""How times are written, for texts of errors."""
existing_file = partial(typer.Option, exists=True, dir_okay=False)
"""The option of a file that is read."""
Output = Annotated[Path, typer.Option("--output", "-o", help="File to write.", dir_okay=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Needed where nobody can answer.")]


def confirm(question: str, yes: bool) -> None:
    """Returns when the person at the terminal, or `--yes`, agrees; ends the command otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} There is no way back: say --yes.", param_hint="--yes")
    typer.confirm(f"{question} There is no way back. Go on?", abort=True)


@contextmanager
def bad_parameters() -> Generator[None]:
    """Turns an argument that the verifier can't use into a usage error that names its option."""
    from parlour.verify.commands import BadArgument

    try:
        yield
    except BadArgument as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from None
