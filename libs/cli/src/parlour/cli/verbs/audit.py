"""`audit`: exports of the record, their verification, and the keys that sign it."""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from .audit_watch import watch
from .confirm import Yes, confirm
from .options import Json, bad_parameters
from .printing import counted, print_json
from .target import nats_url
from .times import utc

if TYPE_CHECKING:
    from parlour.contracts.proofs import CheckpointKeys
    from parlour.verify.layout import End


def register(app: typer.Typer) -> None:
    """Adds this module's verbs to the command."""
    group = typer.Typer(no_args_is_help=True, help="Exports that prove themselves, and the keys of the record.")
    group.command()(export)
    group.command()(verify)
    group.command()(keys)
    group.command("rotate-key")(rotate_key)
    group.command()(exports)
    group.command()(watch)
    app.add_typer(group, name="audit")


def export(
    room_uid: Annotated[str, typer.Argument(help="A call (its roomUID; `parlour replay` prints it).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", dir_okay=False)],
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for a checkpoint; 0: export what is not signed too.")
    ] = 90,
    by: Annotated[str, typer.Option(help="Who exports; it is recorded.")] = "",
    since: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint that you hold: the file proves that its own continues it.", exists=True, dir_okay=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a room's record into a file that can be verified anywhere. What is interrupted leaves no file."""
    from ..audit.output_file import replacing

    size = _size_of(since) if since else 0
    with replacing(output) as out:
        end = asyncio.run(_export(room_uid, out, by or getpass.getuser(), wait, size))
    if json:
        written = {"file": str(output), "events": end.end, "hash": end.hash.hex()}
        typer.echo(msgspec.json.encode(written).decode())
        return
    typer.echo(f"{output}: {counted(end.end, 'event')}, head {end.hash.hex()[:16]}")


def verify(
    file: Annotated[Path, typer.Argument(help="An export, or an archive.", exists=True, dir_okay=False)],
    key: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="A public key, or a file with one; may be given again.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint that you kept: the file must be of the same history.", exists=True, dir_okay=False
        ),
    ] = None,
    consistency: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="An answer of /v1/checkpoints/consistency; may be given again.",
            exists=True,
            dir_okay=False,
        ),
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


def keys(json: Json = False) -> None:
    """Print the public keys that checkpoints are signed with, the newest first."""
    found = asyncio.run(_keys("keys"))
    if json:
        print_json(*found.keys)
        return
    for one in found.keys:
        until = f"retires {utc(one.retired_at)}" if one.retired_at else "signs now"
        typer.echo(f"{one.key}  # since {utc(one.made_at)}, {until}")


def rotate_key(yes: Yes = False, json: Json = False) -> None:
    """Make a new signing key. The one before signs beside it for a day, so that readers can fetch the new one."""
    confirm("Make a new signing key, and retire the present one in a day?", yes)
    made = asyncio.run(_keys("rotate_key")).keys[0]
    typer.echo(msgspec.json.encode(made).decode() if json else made.key)


def exports(
    room_uid: Annotated[str, typer.Argument(help="A call's roomUID; all calls when not given.")] = "",
    json: Json = False,
) -> None:
    """Print who exported what, the latest first."""
    found = asyncio.run(_exports(room_uid))
    if json:
        print_json(*found)
        return
    for one in found:
        typer.echo(f"{utc(one.at)}  {one.room_uid}  {one.room}  {one.by}")


async def _export(room_uid: str, out: BinaryIO, by: str, wait: float, since: int) -> "End":
    from ..audit.export import write_export
    from ..operator.connection import connect

    async with connect(nats_url()) as bus:
        return await write_export(bus, room_uid, out, by=by, wait_s=wait, since=since)


async def _keys(what: str) -> "CheckpointKeys":
    from parlour.contracts.proofs import CheckpointKeys, KeysQuery

    from ..operator.connection import connect
    from ..operator.proofs import query_proofs

    async with connect(nats_url()) as bus:
        return await query_proofs(bus, what, KeysQuery(), CheckpointKeys)


async def _exports(room_uid: str):
    from parlour.contracts.proofs import Exports, ExportsQuery

    from ..operator.connection import connect
    from ..operator.proofs import query_proofs

    async with connect(nats_url()) as bus:
        return (await query_proofs(bus, "exports", ExportsQuery(room_uid), Exports)).exports


def _size_of(file: Path) -> int:
    """The size of a checkpoint, whoever signed it."""
    from parlour.verify.notes import BadNote, parse_checkpoint

    try:
        return parse_checkpoint(file.read_text().rpartition("\n\n")[0] + "\n").size
    except (BadNote, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"it is not a checkpoint: {error}", param_hint="--since") from None
