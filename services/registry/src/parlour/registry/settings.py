"""Settings of the registry service, from the environment."""

from typing import Annotated, ClassVar

from msgspec import Meta

from parlour.runtime.settings import RuntimeSettings, Setting


class RegistrySettings(RuntimeSettings, frozen=True, kw_only=True):
    """Settings of one replica: the variables `PARLOUR_REGISTRY_…` and the shared ones."""

    SERVICE: ClassVar[str] = "registry"

    republish_grace_s: Annotated[
        float,
        Setting(
            "How long a stream lasts whose transport is lost, so that its session can publish it anew.",
            unit="s",
        ),
        Meta(ge=0, le=300),
    ] = 10.0
    mutes_per_s: Annotated[int, Setting("Changes of a stream's mutes, by each replica.", unit="1/s"), Meta(ge=1)] = 5
