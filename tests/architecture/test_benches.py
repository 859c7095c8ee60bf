"""Every benchmark can be loaded as `make bench` runs it."""

import subprocess
import sys

import sources


def test_every_benchmark_finds_what_it_imports() -> None:
    folder = sources.ROOT / "bench"
    names = [f"bench.{path.parent.name}.{path.stem}" for path in sorted(folder.glob("*/*.py"))]
    assert "bench.command.run" in names
    done = subprocess.run(
        (sys.executable, "-c", f"import importlib; [importlib.import_module(name) for name in {names}]"),
        cwd=sources.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
