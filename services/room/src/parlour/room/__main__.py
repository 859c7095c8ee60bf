"""`python -m parlour.room`."""

from parlour.runtime.life.process import run

from .settings import RoomSettings
from .wiring import build

if __name__ == "__main__":
    run(build, RoomSettings, "room")
