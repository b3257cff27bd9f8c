"""The tables of what people declare, and of what follows from it for a whole site.

As in `models`: keys are of this store only, instants are `Instant`, JSON is text.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field

from vigie_server.store.instants import Instant
from vigie_server.store.models import Base, Key


class Body(Base, table=True):
    """A managing body: it runs sites."""

    __tablename__ = "body"

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    name: str = Field(sa_type=Text, unique=True)
    created_at: datetime = Field(sa_type=Instant)


class DeviceGroup(Base, table=True):
    """Devices that a selector (JSON) picks; of one site, or of every site when it names none."""

    __tablename__ = "device_group"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("site_key", "name"),
        # To a constraint, no site is never the same as no site.
        Index(
            "uq_device_group_every_site",
            "name",
            unique=True,
            sqlite_where=text("site_key IS NULL"),
            postgresql_where=text("site_key IS NULL"),
        ),
        Index("ix_device_group_name_key", "name", "key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int | None = Field(default=None, foreign_key="site.key", sa_type=Key)
    name: str = Field(sa_type=Text)
    selector: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class ParameterOverride(Base, table=True):
    """A rule's parameter set otherwise. `scope` is `site`, `group` or `device`, by its key."""

    __tablename__ = "parameter_override"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("scope", "scope_key", "rule", "name"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    scope: str = Field(sa_type=Text)
    scope_key: int = Field(sa_type=Key)
    rule: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    value: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    author: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class AssetCard(Base, table=True):
    """What a person knows of a device: JSON by field of `domain/declared.py`."""

    __tablename__ = "asset_card"

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=Key)
    fields: str = Field(sa_type=Text)
    author: str = Field(sa_type=Text)
    updated_at: datetime = Field(sa_type=Instant)


class Attestation(Base, table=True):
    """What a person attests of a site: append-only, the newest that is not withdrawn holds.

    `outcome` is `held`, `not_held` or `not_applicable`; `value` is JSON where the item has one.
    `lapsed_at` is when its expiry was noticed: from then on it counts no more.
    """

    __tablename__ = "attestation"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_attestation_site_key_item_key", "site_key", "item", "key"),
        Index("ix_attestation_expires_at", "expires_at"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    group_key: int | None = Field(default=None, foreign_key="device_group.key", sa_type=Key)
    item: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    value: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(default="", sa_type=Text)
    author: str = Field(sa_type=Text)
    document: str = Field(default="", sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    lapsed_at: datetime | None = Field(default=None, sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)


class InventoryReview(Base, table=True):
    """A review of one of the guide's five inventories: append-only."""

    __tablename__ = "inventory_review"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_inventory_review_site_key_inventory", "site_key", "inventory"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    inventory: str = Field(sa_type=Text)
    complement: str = Field(default="", sa_type=Text)
    author: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class Waiver(Base, table=True):
    """A risk that a person accepted, on the devices listed, until a day."""

    __tablename__ = "waiver"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_waiver_site_key_rule", "site_key", "rule"),
        Index("ix_waiver_site_key_key", "site_key", "key"),
        Index("ix_waiver_expires_at", "expires_at"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    rule: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    author: str = Field(sa_type=Text)
    approver: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class WaivedDevice(Base, table=True):
    """A device under a waiver. `rows`: key columns of the rows it accepts (JSON)."""

    __tablename__ = "waived_device"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_waived_device_device_key", "device_key"),
    )

    waiver_key: int = Field(primary_key=True, foreign_key="waiver.key", sa_type=Key)
    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=Key)
    rows: str = Field(sa_type=Text)
    reopened_at: datetime | None = Field(default=None, sa_type=Instant)


class Incident(Base, table=True):
    """An entry of a site's incident log: append-only, each bound to the one before by `digest`."""

    __tablename__ = "incident"
    __table_args__: ClassVar[tuple[Any, ...]] = (UniqueConstraint("site_key", "number"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    number: int = Field(sa_type=Integer)
    happened_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    person: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    digest: bytes = Field(sa_type=LargeBinary)


class SiteVerdict(Base, table=True):
    """A fleet rule's verdict on a site as it stands."""

    __tablename__ = "site_verdict"

    site_key: int = Field(primary_key=True, foreign_key="site.key", sa_type=Key)
    rule: str = Field(primary_key=True, sa_type=Text)
    status: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Instant)
    judged_at: datetime = Field(sa_type=Instant)


class Maturity(Base, table=True):
    """A site's level of one question as it stands; null: not assessed."""

    __tablename__ = "maturity"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_maturity_levels", "site_key", "question", "level"),
    )

    site_key: int = Field(primary_key=True, foreign_key="site.key", sa_type=Key)
    question: int = Field(primary_key=True, sa_type=Integer)
    level: int | None = Field(default=None, sa_type=Integer)
    reason: str = Field(sa_type=Text)
    actions: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Instant)
    judged_at: datetime = Field(sa_type=Instant)


class MaturityChange(Base, table=True):
    """A level that changed: append-only."""

    __tablename__ = "maturity_change"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_maturity_change_site_key_at_key", "site_key", "at", "key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    question: int = Field(sa_type=Integer)
    before: int | None = Field(default=None, sa_type=Integer)
    after: int | None = Field(default=None, sa_type=Integer)
    reason: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class MailDomain(Base, table=True):
    """A mail domain of a site; its DKIM selectors are JSON. `next_check_at` null: due at once."""

    __tablename__ = "mail_domain"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        UniqueConstraint("site_key", "domain"),
        Index("ix_mail_domain_domain", "domain"),
        Index("ix_mail_domain_next_check_at", "next_check_at"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    domain: str = Field(sa_type=Text)
    selectors: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    checked_at: datetime | None = Field(default=None, sa_type=Instant)
    next_check_at: datetime | None = Field(default=None, sa_type=Instant)


class MailVerdict(Base, table=True):
    """What a rule of question 7 says of a mail domain as it stands."""

    __tablename__ = "mail_verdict"

    domain_key: int = Field(primary_key=True, foreign_key="mail_domain.key", sa_type=Key)
    rule: str = Field(primary_key=True, sa_type=Text)
    status: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Instant)
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    checked_at: datetime = Field(sa_type=Instant)


class MailTransition(Base, table=True):
    """A verdict on a mail domain that changed: append-only, and stays when the domain goes."""

    __tablename__ = "mail_transition"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_mail_transition_site_key_domain_key", "site_key", "domain", "key"),
        Index("ix_mail_transition_at", "at"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=Key)
    site_key: int = Field(foreign_key="site.key", sa_type=Key)
    domain: str = Field(sa_type=Text)
    rule: str = Field(sa_type=Text)
    before: str | None = Field(default=None, sa_type=Text)
    after: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    reason: str = Field(sa_type=Text)


class TraitSource(Base, table=True):
    """The answer that a device's traits were taken from. `told`: it could be read.

    `reader` names how they were taken: with another one they are taken again.
    """

    __tablename__ = "trait_source"

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=Key)
    topic: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(sa_type=LargeBinary)
    reader: str = Field(sa_type=Text)
    told: bool


class DeviceTrait(Base, table=True):
    """What a site compares its devices by: a watched product's version, a firewall's digest."""

    __tablename__ = "device_trait"
    __table_args__: ClassVar[tuple[Any, ...]] = (
        Index("ix_device_trait_name", "topic", "name", "device_key", "value"),
    )

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=Key)
    topic: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(primary_key=True, sa_type=Text)


class SiteSoftware(Base, table=True):
    """How many devices of a site have a version of a product, when it was last assessed.

    `ended`: the product is past its vendor's end, and not one of the watched.
    """

    __tablename__ = "site_software"

    site_key: int = Field(primary_key=True, foreign_key="site.key", sa_type=Key)
    platform: str = Field(primary_key=True, sa_type=Text)
    product: str = Field(primary_key=True, sa_type=Text)
    ended: bool = Field(primary_key=True)
    version: str = Field(primary_key=True, sa_type=Text)
    devices: int = Field(sa_type=Integer)
