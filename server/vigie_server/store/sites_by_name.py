"""A site's key by its name."""

from sqlalchemy import Connection, select

from vigie_server.domain.errors import NotFound
from vigie_server.store.models import Site
from vigie_server.store.tables import table

SITE = table(Site)


def site_key(connection: Connection, name: str, *, lock: bool = False) -> int:
    """Raises NotFound. With `lock`, whoever else asks so waits until this transaction has ended."""
    query = select(SITE.c.key).where(SITE.c.name == name)
    if lock:
        query = query.with_for_update()
    key = connection.execute(query).scalar()
    if key is None:
        raise NotFound(f"no site {name}")
    return int(key)
