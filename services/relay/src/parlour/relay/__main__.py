"""`python -m parlour.relay` runs the service until a signal stops it."""

from parlour.relay.settings import RelaySettings
from parlour.relay.wiring import build
from parlour.runtime.process.run import run

if __name__ == "__main__":
    run(build, RelaySettings, "relay")
