"""The Python client of Parlour: joins rooms and reads their events, each once and in order, also after lost connections. Typed; asyncio.

async with Client("https://calls.example.org", app=1, user="ada", token=token) as client:
    async for event in client.room("lobby").events(after=position):
        ...
"""

from .client import Client
from .errors import ClientClosed, ParlourError, ProtocolViolation, RemovedFromRoom, RequestRefused
from .folding import apply, apply_item, fold
from .items import CaughtUp, Event, Item, Resync, Sent, Skip
from .login_tokens import login_token
from .position import Position
from .records import Call, Records
from .room import Room
from .state import State, Stream, User

__all__ = [
    "Call", "CaughtUp", "Client", "ClientClosed", "Event", "Item", "ParlourError", "Position", "ProtocolViolation",
    "Records", "RemovedFromRoom", "RequestRefused", "Resync", "Room", "Sent", "Skip", "State", "Stream", "User", "apply",
    "apply_item", "fold", "login_token",
]  # fmt: skip
