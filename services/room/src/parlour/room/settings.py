"""The room service's settings."""

from typing import Annotated

from msgspec import Meta

from parlour.runtime.settings import RuntimeSettings, Setting


class RoomSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Settings of one replica: the variables `PARLOUR_ROOM_…` and the shared ones."""

    SERVICE = "room"

    empty_delay_s: Annotated[
        float, Setting("How long an empty room stays open for somebody to come back.", unit="s"), Meta(ge=0, le=1800)
    ] = 0.0
    heartbeat_window_s: Annotated[
        float, Setting("How long a session lasts whose connection is lost.", unit="s"), Meta(ge=1, le=3600)
    ] = 90.0
    presence_grace_s: Annotated[
        float,
        Setting("How long a connection may be away before its session is suspended.", unit="s"),
        Meta(ge=1, le=60),
    ] = 10.0
    openings_per_user_per_min: Annotated[
        int, Setting("Rooms that one user may open, by each replica.", unit="1/min"), Meta(ge=1, le=60_000)
    ] = 120
    openings_per_app_per_s: Annotated[
        int, Setting("Rooms that may be opened in one app, by each replica.", unit="1/s"), Meta(ge=1, le=10_000)
    ] = 200
    extra_info_per_s: Annotated[
        int, Setting("Changes of a room's extra information, by each replica.", unit="1/s"), Meta(ge=1)
    ] = 10
