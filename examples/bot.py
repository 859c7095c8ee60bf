"""A bot that answers: who says "!who" is told who is in the room, and each question is answered once.

PARLOUR_TOKEN=04… python bot.py APP ROOM USER http://gateway …

The answer's command id is made from the question's position. A bot that was killed between asking and noting, or that runs twice, sends
the same command again, and the record takes it once.
"""

import asyncio
import os
import sys
from uuid import NAMESPACE_URL, uuid5

from parlour.client import Client, Event


async def answer(app: int, room_id: str, user: str, urls: list[str]) -> None:
    """For ever."""
    async with Client(urls, app=app, user=user, token=os.environ["PARLOUR_TOKEN"]) as client:
        room = client.room(room_id)
        async for item in room.events():
            print(item.position, flush=True)
            if isinstance(item, Event) and item.data.get("text") == "!who" and room.now is not None:
                people = ", ".join(name for name in room.now.users if name != user)
                await room.barrage(
                    f"here are {people}", command_id=str(uuid5(NAMESPACE_URL, f"{user}:{item.position}"))
                )


if __name__ == "__main__":
    asyncio.run(answer(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
