"""`python -m parlour.im`."""

from parlour.runtime.life.process import run

from .settings import ImSettings
from .wiring import build

if __name__ == "__main__":
    run(build, ImSettings, "im")
