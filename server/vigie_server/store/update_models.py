"""The tables of agents' updates. As in `models`: instants are `Instant`."""

from datetime import datetime

from sqlalchemy import Integer, Text
from sqlmodel import Field

from vigie_server.store.instants import Instant
from vigie_server.store.models import Base, Key


class UpdateRollout(Base, table=True):
    """Which release devices may take. `site_key` 0: at every site without a decision of its own."""

    __tablename__ = "update_rollout"

    site_key: int = Field(primary_key=True, sa_type=Key)
    version: str = Field(sa_type=Text)
    share: int = Field(sa_type=Integer)
    author: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class DeviceUpdateRow(Base, table=True):
    """How a device fared with updates, as it last said."""

    __tablename__ = "device_update"

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=Key)
    version: str = Field(sa_type=Text)
    platform: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    about: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
