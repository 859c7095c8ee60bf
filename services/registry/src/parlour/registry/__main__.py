"""`python -m parlour.registry`."""

from parlour.runtime.life.process import run

from .settings import RegistrySettings
from .wiring import build

if __name__ == "__main__":
    run(build, RegistrySettings, "registry")
