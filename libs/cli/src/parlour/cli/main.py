"""The `parlour` command: its verbs, and the one place where a failure becomes a message and an exit code."""

import os
import sys

import typer

from . import (
    verbs_apps,
    verbs_audit,
    verbs_bug,
    verbs_calls,
    verbs_doctor,
    verbs_flight,
    verbs_history,
    verbs_live,
    verbs_privacy,
    verbs_run,
    verbs_webhooks,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
verbs_run.register(app)
verbs_apps.register(app)
verbs_webhooks.register(app)
verbs_audit.register(app)
verbs_bug.register(app)
verbs_privacy.register(app)
verbs_history.register(app)
verbs_calls.register(app)
verbs_live.register(app)
verbs_flight.register(app)
verbs_doctor.register(app)


def main() -> None:
    """Entry point. A message for people on standard error and exit code 1, instead of a stack of frames."""
    from parlour.kernel.rejection import Rejection

    from .failures import expected, sentence

    try:
        app()
    except (Rejection, *expected()) as problem:
        print(f"parlour: {sentence(problem)}", file=sys.stderr)  # noqa: T201 a command's voice
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
