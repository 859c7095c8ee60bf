"""Asks before something that cannot be undone."""

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Needed where nobody can answer.")]


def confirm(question: str, yes: bool) -> None:
    """Returns when the person at the terminal, or `--yes`, agrees; ends the command otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} There is no way back: say --yes.", param_hint="--yes")
    typer.confirm(f"{question} There is no way back. Go on?", abort=True)
