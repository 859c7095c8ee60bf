"""`audit`: exports of the record, their verification, and the keys that sign it."""

import getpass
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from parlour.contracts import proofs as contract

from .options import Json, Key, Output, Yes, bad_parameters, confirm, existing_file
from .printing import counted, print_found, print_lines, utc
from .suite import ask_suite, run_query

verbs = typer.Typer(
    name="audit", no_args_is_help=True, help="Exports that prove themselves, and the keys of the record."
)


@verbs.command()
def export(
    room_uid: Annotated[str, typer.Argument(help="A call (its roomUID; `parlour replay` prints it).")],
    output: Output,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for a checkpoint; 0: export what is not signed too.")
    ] = 90,
    by: Annotated[str, typer.Option(help="Who exports; it is recorded.")] = "",
    since: Annotated[
        Path | None,
        existing_file(help="A checkpoint that you hold: the file proves that its own continues it."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a room's record into a file that can be verified anywhere. What is interrupted leaves no file."""
    from ..audit.export import write_export
    from ..audit.output_file import replacing

    who, size = by or getpass.getuser(), _size_of(since) if since else 0
    with replacing(output) as out:
        end = ask_suite(lambda bus: write_export(bus, room_uid, out, by=who, wait_s=wait, since=size))
    written = {"file": str(output), "events": end.end, "hash": end.hash.hex()}
    print_found(written, json, f"{output}: {counted(end.end, 'event')}, head {end.hash.hex()[:16]}")


@verbs.command()
def verify(
    file: Annotated[Path, typer.Argument(help="An export, or an archive.", exists=True, dir_okay=False)],
    key: Key = None,
    checkpoint: Annotated[
        Path | None,
        existing_file(help="A checkpoint that you kept: the file must be of the same history."),
    ] = None,
    consistency: Annotated[
        list[Path] | None,
        existing_file(metavar="FILE", help="An answer of /v1/checkpoints/consistency; may be given again."),
    ] = None,
    unsigned_ok: Annotated[
        bool, typer.Option("--unsigned-ok", help="Accept events that no signature stands for.")
    ] = False,
    json: Json = False,
) -> None:
    """Check an export or an archive. Needs no server. Exit code 1: it is not as it was recorded; 4: no signature stands for all of it."""
    from parlour.verify import commands

    with bad_parameters():
        trusted = commands.read_keys(key or [])
        known = commands.read_known_tree(checkpoint, trusted, consistency or [])
    verdict = commands.verify_file(file, trusted, known)
    text, code = commands.report(verdict, keyed=bool(trusted), unsigned_ok=unsigned_ok, as_json=json)
    typer.echo(text)
    if code:
        sys.exit(code)


@verbs.command()
def keys(json: Json = False) -> None:
    """Print the public keys that checkpoints are signed with, the newest first."""
    found = run_query("keys", contract.KeysQuery(), contract.CheckpointKeys)

    def line(one: contract.CheckpointKey) -> str:
        until = f"retires {utc(one.retired_at)}" if one.retired_at else "signs now"
        return f"{one.key}  # since {utc(one.made_at)}, {until}"

    print_lines(found.keys, json, line)


@verbs.command("rotate-key")
def rotate_key(yes: Yes = False, json: Json = False) -> None:
    """Make a new signing key. The one before signs beside it for a day, so that readers can fetch the new one."""
    confirm("Make a new signing key, and retire the present one in a day?", yes)
    made = run_query("rotate_key", contract.RotateKeyQuery(), contract.CheckpointKeys).keys[0]
    print_found(made, json, made.key)


@verbs.command()
def exports(
    room_uid: Annotated[str, typer.Argument(help="A call's roomUID; all calls when not given.")] = "",
    json: Json = False,
) -> None:
    """Print who exported what, the latest first."""
    found = run_query("exports", contract.ExportsQuery(room_uid), contract.Exports).exports
    print_lines(found, json, lambda one: f"{utc(one.at)}  {one.room_uid}  {one.room}  {one.by}")


@verbs.command()
def watch(
    url: Annotated[str, typer.Argument(help="The gateway's address.")],
    keep: Annotated[Path, typer.Option(help="Folder for the checkpoints, best on another machine.", file_okay=False)],
    key: Key = None,
    once: Annotated[bool, typer.Option("--once", help="Check once, for cron.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two checks.", min=1, max=86_400)] = 60,
    alarm: Annotated[str, typer.Option(help="A command that is run with the sentence as its last argument.")] = "",
) -> None:
    """Keep checkpoints elsewhere and check that each is signed and continues the last. Exit code 1: one does not; 3: no answer."""
    from parlour.verify.checkpoint_keeper import CheckpointKeeper, GatewaySource
    from parlour.verify.commands import CONTRADICTION, check_server, read_keys

    with bad_parameters():
        trusted = read_keys(key or [])
    try:
        keeper = CheckpointKeeper(keep, GatewaySource(url), trusted)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    while True:
        code = check_server(keeper, alarm)
        if once or code == CONTRADICTION:
            sys.exit(code)
        time.sleep(every)


def _size_of(file: Path) -> int:
    """The size of a checkpoint, whoever signed it."""
    from parlour.verify.notes import BadNote, parse_checkpoint

    try:
        return parse_checkpoint(file.read_text().rpartition("\n\n")[0] + "\n").size
    except (BadNote, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"it is not a checkpoint: {error}", param_hint="--since") from None
