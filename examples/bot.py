"""A bot that answers each "!who" message once, with the names of the users in the room.

PARLOUR_TOKEN=04… python bot.py APP ROOM USER http://gateway …

The answer's command id is derived from the question's position. A bot that was killed and restarted, or that runs twice, sends
the same command again, and it is executed once.
"""

import asyncio
import os
import sys
from uuid import NAMESPACE_URL, uuid5

from parlour.client import Client, Event


async def answer(app: int, room_id: str, user: str, urls: list[str]) -> None:
    """Follows the room for ever and answers the questions in it."""
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
