"""Faults of the room service."""


def unheeded_ban() -> None:
    """A login is not compared with the app's bans."""
    from parlour.room.app.bans import BanWatch

    async def admit(self: BanWatch, app: int, room: str, actor: str, address: str) -> None:
        return None

    BanWatch.admit = admit
