"""Faults of the room service."""


def ignored_ban() -> None:
    """A login is not compared with the app's bans."""
    from parlour.room.app.bans import BanChecker

    async def check_login(self: BanChecker, app: int, room: str, actor: str, address: str) -> None:
        return None

    BanChecker.check_login = check_login
