"""A fresh Postgres from its wheel with the event log's schema, for one benchmark."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parlour.cli.embedded.account import unprivileged
from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.postgres import Postgres
from parlour.cli.supervise.checkout import MIGRATIONS
from parlour.runtime.postgres.migrate import upgrade
from parlour.testkit.embedded import spawn, stop

READY_WITHIN_S = 30.0


@contextmanager
def cluster() -> Iterator[str]:
    """The owner's DSN; everything is gone when the block ends. Flushes are real."""
    folder = Path(tempfile.mkdtemp(prefix="parlour-bench-"))
    folder.chmod(0o711)
    server = Postgres(folder / "postgres", port=free_port(), password=secrets.token_hex(16), account=unprivileged())
    server.prepare()
    process = spawn(server.launch(), folder / "postgres.log")
    try:
        end = time.monotonic() + READY_WITHIN_S
        while not server.ready():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "postgres.log").read_text())
            time.sleep(0.01)
        dsn = server.address(database="postgres")
        upgrade(dsn, MIGRATIONS)
        yield dsn
    finally:
        stop(process, server.launch())
        shutil.rmtree(folder, ignore_errors=True)


def flush_us(count: int = 200) -> float:
    """What one fdatasync of 8 kB costs here: a figure about commits means little without it."""
    with tempfile.NamedTemporaryFile(dir=tempfile.gettempdir()) as file:
        began = time.perf_counter()
        for _ in range(count):
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
        return round((time.perf_counter() - began) / count * 1e6, 1)
