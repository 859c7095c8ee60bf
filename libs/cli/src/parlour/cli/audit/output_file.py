"""The file that an export is written to: whole under its name, or not there at all."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer


@contextmanager
def replacing(output: Path) -> Generator[BinaryIO]:
    """A file beside `output` that takes its name when the block ends well, and is removed when it ends otherwise.

    SIGTERM ends the block as SIGINT does, by KeyboardInterrupt, so that neither leaves half a file. A device or a pipe, such as
    `/dev/stdout`, is written to and never replaced. `typer.BadParameter` where nothing can be written there.
    """
    in_place = output.exists() and not output.is_file()
    half = output if in_place else output.with_name(f"{output.name}.part")
    try:
        out = open(half, "wb")  # noqa: SIM115 closed below, before it is renamed or removed
    except OSError as error:
        raise typer.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from None
    if in_place:
        with out:
            yield out
        return
    with _terminated_as_interrupted():
        try:
            with out:
                yield out
            half.replace(output)
        except BaseException:
            half.unlink(missing_ok=True)
            raise


@contextmanager
def _terminated_as_interrupted() -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
