"""`python -m parlour.gateway` runs the service until a signal stops it."""

from parlour.runtime.process.run import run

from .settings import GatewaySettings
from .wiring import build

if __name__ == "__main__":
    run(build, GatewaySettings, "gateway")
