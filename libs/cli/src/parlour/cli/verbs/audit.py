"""`audit`: exports of the record, their verification, and the keys that sign it."""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from ..confirm import Yes, confirm
from ..printing import counted, print_json
from ..target import nats_url
from ..times import utc
from .audit_watch import watch
from .options import Json

if TYPE_CHECKING:
    from parlour.contracts.proofs import CheckpointKeys
    from parlour.runtime.exports.kept import KeptTree
    from parlour.runtime.exports.layout import End
    from parlour.runtime.signing.notes import PublicKey


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(no_args_is_help=True, help="Exports that prove themselves, and the keys of the record.")
    group.command()(export)
    group.command()(verify)
    group.command()(keys)
    group.command("rotate-key")(rotate_key)
    group.command()(exports)
    group.command()(watch)
    app.add_typer(group, name="audit")


def export(
    room_uid: Annotated[str, typer.Argument(help="A life of a room (its roomUID; `parlour replay` prints it).")],
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
    from parlour.runtime.exports.layout import LINE_BYTES
    from parlour.runtime.exports.verify import verify as check
    from parlour.runtime.signing.notes import BadNote

    from ..audit.verdict_text import exit_code, verdict_text

    try:
        trusted = keys_in(key or [])
    except (BadNote, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None
    kept = _kept_tree(checkpoint, trusted, consistency or []) if checkpoint else None
    with open(file, "rb", buffering=1 << 20) as lines:
        verdict = check(iter(lambda: lines.readline(LINE_BYTES + 1), b""), trusted, kept=kept)
    code = exit_code(verdict, unsigned_ok=unsigned_ok)
    if json:
        found = {**msgspec.to_builtins(verdict), "ok": code == 0, "whole": verdict.whole}
        typer.echo(msgspec.json.encode(found).decode())
    else:
        typer.echo(verdict_text(verdict, keyed=bool(trusted)))
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
    room_uid: Annotated[str, typer.Argument(help="A life of a room; all of them where it is not given.")] = "",
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
    from ..ask import connected
    from ..audit.export import export as write

    async with connected(nats_url()) as bus:
        return await write(bus, room_uid, out, by=by, wait_s=wait, since=since)


async def _keys(what: str) -> "CheckpointKeys":
    from parlour.contracts.proofs import CheckpointKeys, KeysQuery

    from ..ask import connected
    from ..audit.export import ask

    async with connected(nats_url()) as bus:
        return await ask(bus, what, KeysQuery(), CheckpointKeys)


async def _exports(room_uid: str):
    from parlour.contracts.proofs import Exports, ExportsQuery

    from ..ask import connected
    from ..audit.export import ask

    async with connected(nats_url()) as bus:
        return (await ask(bus, "exports", ExportsQuery(room_uid), Exports)).exports


def keys_in(given: list[str]) -> "tuple[PublicKey, ...]":
    """The keys of `--key`: each a key or a file of keys. `BadNote` for what is none."""
    from parlour.runtime.signing.notes import parse_key

    texts = [Path(text).read_text() if Path(text).is_file() else text for text in given]
    return tuple(parse_key(line.partition("#")[0]) for text in texts for line in text.splitlines() if line.strip())


def _size_of(file: Path) -> int:
    from parlour.runtime.signing.notes import BadNote, parse_checkpoint

    try:
        return parse_checkpoint(file.read_text().rpartition("\n\n")[0] + "\n").size
    except (BadNote, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"it is no checkpoint: {error}", param_hint="--since") from None


def _kept_tree(file: Path, trusted: "tuple[PublicKey, ...]", proofs: list[Path]) -> "KeptTree":
    from parlour.contracts.proofs import Consistency
    from parlour.runtime.exports.kept import KeptTree
    from parlour.runtime.signing.notes import BadNote, open_note, parse_checkpoint

    if not trusted:
        raise typer.BadParameter("its signature is checked with --key, which is not given", param_hint="--checkpoint")
    try:
        kept = parse_checkpoint(open_note(file.read_text(), trusted))
    except (BadNote, UnicodeDecodeError) as error:
        raise typer.BadParameter(str(error), param_hint="--checkpoint") from None
    try:
        given = tuple(msgspec.json.decode(proof.read_bytes(), type=Consistency) for proof in proofs)
    except msgspec.DecodeError as error:
        raise typer.BadParameter(f"it is no consistency proof: {error}", param_hint="--consistency") from None
    return KeptTree(kept, given)
