"""`python -m parlour.im` runs the service until a signal stops it."""

from parlour.runtime.process.run import run

from .settings import ImSettings
from .wiring import build

if __name__ == "__main__":
    run(build, ImSettings, "im")
