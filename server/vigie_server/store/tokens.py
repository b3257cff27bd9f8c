"""Enrolment tokens and API tokens: made, listed, revoked, recognised. Only hashes are stored."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Select, select, update

from vigie_server.domain.enrolling import TokenTerms
from vigie_server.domain.errors import NotFound, TokenRefused
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Sites
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.tokens import ApiCaller, ApiTokenTerms, NewToken, Role
from vigie_server.store import changes
from vigie_server.store.database import Database, retried
from vigie_server.store.enrolment import token_terms
from vigie_server.store.instants import to_store
from vigie_server.store.keyset import keyset, paged
from vigie_server.store.locking import lock
from vigie_server.store.models import ApiToken, Audit, EnrolmentToken, Site
from vigie_server.store.tables import table

API_TOKEN, AUDIT = table(ApiToken), table(Audit)
TOKEN, SITE = table(EnrolmentToken), table(Site)

Item = TypeVar("Item")

USE_RECORDED_EVERY: Final = timedelta(minutes=1) // timedelta(microseconds=1)
SCOPES_KEPT: Final = 256
"""Scopes of tokens kept at hand, read: a region's names thousands of sites."""

# As the driver takes it: every request of the API begins with it.
_HELD: Final = """SELECT key, id, name, role, sites, personal_data,
  expires_at, revoked_at, last_used_at
FROM api_token WHERE secret_hash = ? OR previous_hash = ? AND previous_until > ?"""

_ENROLMENT_TOKENS: Final = select(TOKEN, SITE.c.name.label("site")).join(
    SITE, SITE.c.key == TOKEN.c.site_key
)


class Tokens:
    """Both kinds of tokens in the store. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held = database.sql(_HELD)

    @retried
    def add_enrolment_token(
        self,
        token: NewToken,
        *,
        site: str,
        profile: str,
        max_uses: int,
        serials: Collection[str] | None,
    ) -> None:
        with self._database.writing() as connection:
            connection.execute(
                TOKEN.insert().values(
                    id=token.id,
                    secret_hash=token.secret_hash,
                    site_key=site_key(connection, site, now=token.made_at),
                    profile=profile,
                    max_uses=max_uses,
                    uses=0,
                    serials=(
                        None
                        if serials is None
                        else json.dumps(sorted(serial.strip().casefold() for serial in serials))
                    ),
                    created_at=token.made_at,
                    expires_at=token.expires_at,
                )
            )
            _record(connection, token.made_at, token.actor, f"made a token for {site}", token.id)

    def enrolment_page(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]:
        """Tokens that let devices in at these sites, the newest first; a place is (key,)."""
        query = keyset(_at(within), (TOKEN.c.key,), after=after, limit=limit, newest_first=True)
        return self._page(query, limit, "key", token_terms)

    def enrolment_by_id(
        self, within: Sites, *, after: Position | None, limit: int
    ) -> Page[TokenTerms]:
        """Tokens that let devices in at these sites, in the order of their ids: (id,)."""
        query = keyset(_at(within), (TOKEN.c.id,), after=after, limit=limit)
        return self._page(query, limit, "id", token_terms)

    def enrolment_tokens(self) -> Sequence[TokenTerms]:
        """Every enrolment token, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_ENROLMENT_TOKENS.order_by(TOKEN.c.key.desc()))
            return [token_terms(row) for row in rows]

    @retried
    def add_api_token(
        self,
        token: NewToken,
        *,
        name: str,
        role: Role,
        sites: frozenset[str] | None,
        personal_data: bool = True,
    ) -> None:
        with self._database.writing() as connection:
            connection.execute(
                API_TOKEN.insert().values(
                    id=token.id,
                    name=name,
                    secret_hash=token.secret_hash,
                    role=role.value,
                    sites=None if sites is None else json.dumps(sorted(sites)),
                    created_at=token.made_at,
                    expires_at=token.expires_at,
                    personal_data=personal_data,
                )
            )
            _record(connection, token.made_at, token.actor, f"made a token: {role}", token.id)

    def enrolment_token(self, token_id: str) -> TokenTerms:
        """The enrolment token of this id. Raises NotFound."""
        query = _ENROLMENT_TOKENS.where(TOKEN.c.id == token_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no token {token_id}")
        return token_terms(row)

    def api_token(self, token_id: str) -> ApiTokenTerms:
        """The API token of this id. Raises NotFound."""
        query = select(API_TOKEN).where(API_TOKEN.c.id == token_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no token {token_id}")
        return _api_token(row)

    def api_tokens(self) -> Sequence[ApiTokenTerms]:
        """Every API token, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(API_TOKEN).order_by(API_TOKEN.c.key.desc()))
            return [_api_token(row) for row in rows]

    def api_page(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]:
        """API tokens, the newest first; a place is (key,)."""
        query = keyset(
            select(API_TOKEN), (API_TOKEN.c.key,), after=after, limit=limit, newest_first=True
        )
        return self._page(query, limit, "key", _api_token)

    def api_by_id(self, after: Position | None, limit: int) -> Page[ApiTokenTerms]:
        """API tokens, in the order of their ids: (id,)."""
        query = keyset(select(API_TOKEN), (API_TOKEN.c.id,), after=after, limit=limit)
        return self._page(query, limit, "id", _api_token)

    def _page(
        self, query: Select[Any], limit: int, place: str, item: Callable[[Row[Any]], Item]
    ) -> Page[Item]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (getattr(row, place),), item)

    def contractor_expiries(self, *, now: datetime) -> Mapping[str, Sequence[tuple[str, datetime]]]:
        """Contractors' tokens in force by site: public id and end of each."""
        query = (
            select(API_TOKEN.c.id, API_TOKEN.c.sites, API_TOKEN.c.expires_at)
            .where(API_TOKEN.c.role == Role.CONTRACTOR.value)
            .where(API_TOKEN.c.revoked_at.is_(None))
            .where(API_TOKEN.c.expires_at > now)
        )
        found: dict[str, list[tuple[str, datetime]]] = {}
        with self._database.reading() as connection:
            for token in connection.execute(query):
                for site in _sites(token.sites) or ():
                    found.setdefault(site, []).append((token.id, token.expires_at))
        return found

    @retried
    def api_caller(self, secret_hash: bytes, *, now: datetime) -> ApiCaller:
        """Who holds the API token of this hash. Raises TokenRefused."""
        instant = to_store(now)
        with self._database.looking() as connection:
            row = connection.exec_driver_sql(
                self._held, (secret_hash, secret_hash, instant)
            ).one_or_none()
        if row is None:
            raise TokenRefused("the token is not valid")
        key, public, name, role, sites, personal_data, expires_at, revoked_at, last_used_at = row
        if revoked_at is not None or instant >= expires_at:
            raise TokenRefused("the token is not valid")
        if last_used_at is None or instant - last_used_at >= USE_RECORDED_EVERY:
            with self._database.writing() as connection:
                connection.execute(
                    update(API_TOKEN).where(API_TOKEN.c.key == key).values(last_used_at=now)
                )
        return ApiCaller(public, name, Role(role), _sites(sites), personal_data=bool(personal_data))

    @retried
    def rotate(
        self,
        token_id: str,
        secret_hash: bytes,
        require: Require[ApiTokenTerms] = whatever,
        *,
        now: datetime,
        until: datetime,
        actor: str,
    ) -> None:
        with self._database.writing() as connection:
            _require_api(connection, token_id, require)
            changed = connection.execute(
                update(API_TOKEN)
                .where(API_TOKEN.c.id == token_id)
                .where(API_TOKEN.c.revoked_at.is_(None))
                .where(API_TOKEN.c.expires_at > now)
                .values(
                    previous_hash=API_TOKEN.c.secret_hash,
                    previous_until=until,
                    secret_hash=secret_hash,
                )
            ).rowcount
            if not changed:
                raise NotFound(f"no API token {token_id} that is valid")
            _record(
                connection,
                now,
                actor,
                f"rotated a token, overlap until {until:%Y-%m-%d %H:%M}",
                token_id,
            )

    @retried
    def revoke(
        self,
        token_id: str,
        *,
        now: datetime,
        actor: str,
        enrolment: Require[TokenTerms] = whatever,
        api: Require[ApiTokenTerms] = whatever,
    ) -> None:
        """Revokes a token of either kind. Raises NotFound."""
        with self._database.writing() as connection:
            if enrolment is not whatever:
                lock(connection, TOKEN, TOKEN.c.id == token_id)
                for row in connection.execute(_ENROLMENT_TOKENS.where(TOKEN.c.id == token_id)):
                    enrolment(token_terms(row))
            _require_api(connection, token_id, api)
            found = sum(
                connection.execute(
                    update(kind).where(kind.c.id == token_id).values(revoked_at=now)
                ).rowcount
                for kind in (TOKEN, API_TOKEN)
            )
            if not found:
                raise NotFound(f"no token {token_id}")
            _record(connection, now, actor, "revoked a token", token_id)


def _at(within: Sites) -> Select[Any]:
    """Tokens that let devices in at these sites; None: at every one."""
    if within is None:
        return _ENROLMENT_TOKENS
    return _ENROLMENT_TOKENS.where(SITE.c.name.in_(sorted(within)))


def site_key(connection: Connection, name: str, *, now: datetime) -> int:
    """The key of the site of this name, which is made when it is new."""
    key = connection.execute(select(SITE.c.key).where(SITE.c.name == name)).scalar()
    if key is None:
        key = connection.execute(
            SITE.insert().values(name=name, created_at=now).returning(SITE.c.key)
        ).scalar_one()
    return int(key)


def _require_api(connection: Connection, token_id: str, require: Require[ApiTokenTerms]) -> None:
    """Raises ConditionFailed where an API token of this id is not as a change demands."""
    if require is not whatever:
        lock(connection, API_TOKEN, API_TOKEN.c.id == token_id)
        for row in connection.execute(select(API_TOKEN).where(API_TOKEN.c.id == token_id)):
            require(_api_token(row))


def _api_token(row: Row[Any]) -> ApiTokenTerms:
    return ApiTokenTerms(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        sites=_sites(row.sites),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked=row.revoked_at is not None,
        personal_data=row.personal_data,
        previous_until=row.previous_until,
    )


@lru_cache(SCOPES_KEPT)
def _sites(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _record(connection: Connection, at: datetime, actor: str, action: str, subject: str) -> None:
    connection.execute(AUDIT.insert().values(at=at, actor=actor, action=action, subject=subject))
    changes.tell_act(connection, subject)
