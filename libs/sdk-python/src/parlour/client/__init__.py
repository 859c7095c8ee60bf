"""The Python client of Parlour: rooms and their events, for ever in order, over whatever happens to connections. Typed; asyncio.

async with Client("https://calls.example.org", app=1, user="ada", token=token) as client:
    async for event in client.room("lobby").events(after=position):
        ...
"""

from .client import Client
from .errors import Broken, Closed, ParlourError, Refused, StayOver
from .items import Event, Item, Live, Person, Resync, Sent, Skip
from .login_tokens import login_token
from .position import Position
from .records import Call, Records
from .room import Room
from .state import State, Stream, User, apply, fold, follow

__all__ = [
    "Broken", "Call", "Client", "Closed", "Event", "Item", "Live", "ParlourError", "Person", "Position", "Records", "Refused", "Resync",
    "Room", "Sent", "Skip", "State", "StayOver", "Stream", "User", "apply", "fold", "follow", "login_token",
]  # fmt: skip
