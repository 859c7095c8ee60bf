"""`python -m bench [NAME …]`: runs the benchmarks, each in a process of its own; without a name it lists them."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def benches() -> dict[str, Path]:
    """Each program by `folder/name`; a program tells what it measures in its docstring's first line."""
    found = (path for path in sorted(HERE.glob("*/*.py")) if '"""' in path.read_text()[:3])
    return {f"{path.parent.name}/{path.stem}": path for path in found if "def main" in path.read_text()}


def main() -> int:
    """Runs what was named."""
    known = benches()
    chosen = sys.argv[1:]
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        for name, path in known.items():
            first = path.read_text().splitlines()[0]
            print(f"{name:24} {first.strip(chr(34))}")
        print("run them with: make bench ARGS='NAME …'")
        return 2 if unknown else 0
    return max(run(name) for name in chosen)


def run(name: str) -> int:
    """Runs a benchmark as the module that it is, so that it finds the others, and returns its exit code."""
    module = f"bench.{name.replace('/', '.')}"
    return subprocess.run([sys.executable, "-m", module], cwd=HERE.parent, check=False).returncode


sys.exit(main())
