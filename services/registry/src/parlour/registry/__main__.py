"""`python -m parlour.registry` runs the service until a signal stops it."""

from parlour.runtime.process.run import run

from .settings import RegistrySettings
from .wiring import build

if __name__ == "__main__":
    run(build, RegistrySettings, "registry")
