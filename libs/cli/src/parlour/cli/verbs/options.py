"""Options that many verbs have, so that each says the same everywhere."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from .target import APP_VARIABLE, default_app

App = Annotated[
    int,
    typer.Option(
        help="Application id.", default_factory=default_app, show_default=f"{APP_VARIABLE}, or the app that `up` made"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]


@contextmanager
def bad_parameters() -> Generator[None]:
    """Turns an argument that the verifier can't use into a usage error that names its option."""
    from parlour.verify.commands import BadArgument

    try:
        yield
    except BadArgument as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from None
