"""`events` and `replay`: what `record` knows of a room."""

import typer


def register(app: typer.Typer) -> None:
    """Add the verbs."""
