"""What keeps a site from being removed, in words and with the command that helps.

Tokens that enrol nothing any more go with their site; so does what only followed from what others
said (verdicts, levels). What people recorded is history and stays, and the site with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, update

from vigie_server.domain.errors import InUse
from vigie_server.domain.notices.recipients import Extent
from vigie_server.domain.plurals import counted
from vigie_server.store.declared_models import (
    MailTransition,
    Maturity,
    MaturityChange,
    SiteSoftware,
    SiteVerdict,
)
from vigie_server.store.models import Base, EnrolmentToken, RuleCount, RuleDay
from vigie_server.store.notice_models import Notice, NoticeDelivery, NoticeMark, NoticeRecipient
from vigie_server.store.question_models import FreeQuestions
from vigie_server.store.tables import table
from vigie_server.store.update_models import UpdateRollout

TOKEN = table(EnrolmentToken)
NOTICE, DELIVERY, RECIPIENT = table(Notice), table(NoticeDelivery), table(NoticeRecipient)
FOLLOWED: Final = (
    table(SiteVerdict),
    table(Maturity),
    table(MaturityChange),
    table(MailTransition),
    table(RuleCount),
    table(RuleDay),
    table(SiteSoftware),
    table(NoticeMark),
    table(Notice),
    table(FreeQuestions),
    table(UpdateRollout),
)
"""What nobody said: it goes with the site."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a site has, in the words of `counted`, and what can be done about it."""

    words: str
    remedy: str


_HISTORY: Final = "kept as history"
HELD: Final[Mapping[str, Held]] = {
    "device": Held(
        "device|devices",
        "their records stay, of retired ones too; `devices retire ID` takes one out of the figures",
    ),
    "enrolment_token": Held(
        "usable enrolment token|usable enrolment tokens", "`token revoke ID`: {ids}"
    ),
    "device_group": Held("group|groups", "`group remove NAME --site ...`"),
    "mail_domain": Held("mail domain|mail domains", "`mail remove DOMAIN --site ...`"),
    "attestation": Held("attestation|attestations", _HISTORY),
    "inventory_review": Held("inventory review|inventory reviews", _HISTORY),
    "waiver": Held("waiver|waivers", _HISTORY),
    "incident": Held("entry of its incident log|entries of its incident log", _HISTORY),
}
"""By the table that names sites."""


def require_idle(connection: Connection, site: int, name: str, *, now: datetime) -> None:
    """Raises InUse, with all that belongs to the site."""
    found = []
    for named, held in HELD.items():
        used = Base.metadata.tables[named]
        query = select(func.count()).where(used.c.site_key == site)
        if used is TOKEN:
            query = query.where(~_spent(now))
        count = connection.execute(query).scalar_one()
        if count:
            remedy = held.remedy.format(ids=_usable(connection, site, now))
            found.append(f"{counted(count, held.words)} ({remedy})")
    if found:
        raise InUse(f"site {name} cannot be removed, as it has {'; '.join(found)}")


def remove_followers(connection: Connection, site: int, *, now: datetime) -> None:
    """Erases what goes with a site that is idle: what followed for it, and its spent tokens.

    Nobody is told of it any more.
    """
    of_site = select(NOTICE.c.key).where(NOTICE.c.site_key == site)
    connection.execute(delete(DELIVERY).where(DELIVERY.c.notice_key.in_(of_site)))
    connection.execute(
        update(RECIPIENT)
        .where(RECIPIENT.c.extent == Extent.SITE.value)
        .where(RECIPIENT.c.extent_key == site)
        .where(RECIPIENT.c.removed_at.is_(None))
        .values(removed_at=now)
    )
    for followed in (*FOLLOWED, TOKEN):
        connection.execute(delete(followed).where(followed.c.site_key == site))


def _spent(now: datetime) -> ColumnElement[bool]:
    """Tokens that enrol nothing any more: used up, expired or revoked."""
    return or_(
        TOKEN.c.uses >= TOKEN.c.max_uses,
        TOKEN.c.expires_at <= now,
        TOKEN.c.revoked_at.is_not(None),
    )


def _usable(connection: Connection, site: int, now: datetime) -> str:
    ids: Sequence[str] = (
        connection.execute(
            select(TOKEN.c.id)
            .where(TOKEN.c.site_key == site)
            .where(~_spent(now))
            .order_by(TOKEN.c.key)
        )
        .scalars()
        .all()
    )
    return ", ".join(ids)
