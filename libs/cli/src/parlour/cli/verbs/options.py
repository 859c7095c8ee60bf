"""Options that many verbs have, so that each says the same everywhere."""

from typing import Annotated

import typer

from ..target import APP_VARIABLE, default_app

App = Annotated[
    int,
    typer.Option(
        help="Application id.", default_factory=default_app, show_default=f"{APP_VARIABLE}, or the app that `up` made"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]
