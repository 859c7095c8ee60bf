"""The im service's settings: the vendor's limits, each for an operator to change."""

from typing import Annotated

from msgspec import Meta

from parlour.runtime.settings import RuntimeSettings, Setting


class ImSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Settings of one replica: the variables `PARLOUR_IM_…` and the shared ones."""

    SERVICE = "im"

    broadcast_room_per_s: Annotated[int, Setting("Broadcast messages in a room.", unit="1/s"), Meta(ge=1)] = 10
    broadcast_user_per_s: Annotated[
        int, Setting("Broadcast messages of one user in a room.", unit="1/s"), Meta(ge=1)
    ] = 2
    barrage_room_per_s: Annotated[int, Setting("Barrage messages in a room.", unit="1/s"), Meta(ge=1)] = 20
    command_one_per_s: Annotated[int, Setting("Commands to one user, in a room.", unit="1/s"), Meta(ge=1)] = 200
    command_many_per_s: Annotated[
        int, Setting("Commands to several users or all, in a room.", unit="1/s"), Meta(ge=1)
    ] = 10
