"""Updates of agents: what is rolled out (`/updates`), and how a device fared with its last one."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from vigie_server.domain.errors import NotFound
from vigie_server.domain.rolling_out import Release, Rollout, UpdateState
from vigie_server.ports.tokens import ApiCaller
from vigie_server.ports.updating import DeviceUpdate, Mirrored, UpdateStore
from vigie_server.web.access import OVERSEERS, READERS, Access, scope_of, sees


class ReleaseShape(BaseModel):
    """A release that the channel has."""

    version: str = Field(examples=["1.2.0"])
    platform: str = Field(examples=["linux-x86_64"])
    length: int = Field(description="Bytes of its archive.")

    @classmethod
    def of(cls, release: Release) -> "ReleaseShape":
        return cls(version=release.version, platform=release.platform, length=release.length)


class RolloutShape(BaseModel):
    """What devices may take. `site` null: at every site without a decision of its own."""

    site: str | None
    version: str = Field(examples=["1.2.0"])
    share: int = Field(description="Percent of the devices.", ge=0, le=100)
    author: str
    at: datetime

    @classmethod
    def of(cls, rollout: Rollout) -> "RolloutShape":
        return cls(
            site=rollout.site,
            version=rollout.version,
            share=rollout.share,
            author=rollout.author,
            at=rollout.at,
        )


class FaredShape(BaseModel):
    """How many devices run a version, and how their last update went."""

    version: str = Field(description="Empty where it is not known.", examples=["1.1.0"])
    state: UpdateState
    devices: int = Field(ge=1)


class UpdatesShape(BaseModel):
    """The agents' update channel. `good_until` null: this server has none."""

    good_until: datetime | None
    releases: list[ReleaseShape]
    rollouts: list[RolloutShape]
    fared: list[FaredShape] = Field(description="Devices that have looked for updates.")


class DeviceUpdateShape(BaseModel):
    """How a device fared with its last update, as it said. `about`: the version of that update."""

    version: str = Field(description="The version that runs.", examples=["1.1.0"])
    platform: str = Field(examples=["linux-x86_64"])
    state: UpdateState
    about: str = Field(examples=["1.2.0"])
    reason: str
    told_at: datetime

    @classmethod
    def of(cls, found: DeviceUpdate) -> "DeviceUpdateShape":
        told = found.told
        return cls(
            version=told.version,
            platform=told.platform,
            state=told.state,
            about=told.about,
            reason=told.reason,
            told_at=found.at,
        )


def updates_router(access: Access, *, store: UpdateStore, channel: Mirrored) -> APIRouter:
    """The routes that show updates; they are rolled out by `vigie-server updates`."""
    router = APIRouter(prefix="/api/v1")
    Overseer = Annotated[ApiCaller, Depends(access.allow(OVERSEERS))]  # noqa: N806 (a type)
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)

    OfSite = Annotated[  # noqa: N806 (a type)
        str | None, Query(description="Decisions for this site and for every site; its devices")
    ]

    @router.get("/updates")
    def show_updates(caller: Overseer, site: OfSite = None) -> UpdatesShape:
        """The releases of the channel, which devices may take which, and how far they have got."""
        sites = scope_of(caller, site)
        fared = sorted(store.counts(sites).items())
        return UpdatesShape(
            good_until=channel.expiry(),
            releases=[ReleaseShape.of(one) for one in channel.releases()],
            rollouts=[
                RolloutShape.of(one)
                for one in store.rollouts()
                if one.site is None or sites is None or one.site in sites
            ],
            fared=[
                FaredShape(version=version, state=UpdateState(state), devices=count)
                for (version, state), count in fared
            ],
        )

    @router.get("/devices/{device_id}/update")
    def show_update(device_id: str, caller: Reader) -> DeviceUpdateShape:
        """How the device fared with its last update; 404 for one that never looked for any."""
        found = store.device(device_id)
        if not sees(caller, found.site):
            raise NotFound(f"no device {device_id}")
        return DeviceUpdateShape.of(found)

    return router
