"""`doctor`: is everything well?"""

import asyncio
import os
from typing import Annotated

import typer

from ..failures import NATS_VARIABLE
from ..supervise.bring_up import running
from ..supervise.entrance import PUBLIC_VARIABLE
from ..supervise.state import StateFolder
from .printing import print_found

verbs = typer.Typer()


@verbs.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    public: Annotated[
        str,
        typer.Option(
            envvar=PUBLIC_VARIABLE,
            help="Name that people open, as of a proxy on this machine: the gateway is asked by it.",
        ),
    ] = "",
) -> None:
    """Look at everything that a call needs, and say what to do about what is not well. Exit code 1 then.

    With PARLOUR_NATS_URL set: of the suite there, what its NATS tells.
    """
    from ..doctor.checks import examine, examine_remote

    if NATS_VARIABLE in os.environ:
        findings = asyncio.run(examine_remote(os.environ[NATS_VARIABLE]))
    else:
        folder = StateFolder.here()
        findings = asyncio.run(examine(folder, running(folder), public))
    for found in findings:
        way_out = "" if found.well else f"\n  {'':<11} {found.way_out}"
        print_found(found, json, f"{'✓' if found.well else '✗'} {found.check:<11} {found.seen}{way_out}")
    if not all(found.well for found in findings):
        raise typer.Exit(1)
