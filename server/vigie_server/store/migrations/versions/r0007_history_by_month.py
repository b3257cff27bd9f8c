"""History by month on PostgreSQL; one name for one group of every site.

Tables are partitioned by copying them: while it runs, nothing else writes. What they held lands in
months of its own, whatever its age. Of groups of every site that share a name, the oldest keeps it
and the others are numbered.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BY_MONTH = ("transition", "audit")
AHEAD = 2
MICROSECONDS = 1_000_000
GROUP = sa.table("device_group", sa.column("key"), sa.column("site_key"), sa.column("name"))


def upgrade() -> None:
    _number_groups()
    op.create_index(
        "uq_device_group_every_site",
        "device_group",
        ["name"],
        unique=True,
        sqlite_where=sa.text("site_key IS NULL"),
        postgresql_where=sa.text("site_key IS NULL"),
    )
    if op.get_context().dialect.name == "postgresql":
        for table in BY_MONTH:
            _partition(table)


def _number_groups() -> None:
    connection = op.get_bind()
    shared = sa.select(GROUP.c.key, GROUP.c.name).where(GROUP.c.site_key.is_(None))
    rows = connection.execute(shared.order_by(GROUP.c.key)).all()
    taken = {row.name for row in rows}
    seen: set[str] = set()
    for key, name in rows:
        if name in seen:
            number = 2
            while f"{name} ({number})" in taken:
                number += 1
            numbered = f"{name} ({number})"
            taken.add(numbered)
            connection.execute(sa.update(GROUP).where(GROUP.c.key == key).values(name=numbered))
        seen.add(name)


def _partition(table: str) -> None:
    connection = op.get_bind()
    before = f"{table}_before"
    indexes = connection.execute(
        sa.text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() "
            "AND tablename = :table AND indexname <> :key"
        ),
        {"table": table, "key": f"pk_{table}"},
    ).all()
    op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    op.execute(f"ALTER TABLE {table} RENAME TO {before}")
    op.execute(f"ALTER TABLE {before} DROP CONSTRAINT pk_{table}")
    for name, _ in indexes:
        op.execute(f"DROP INDEX {name}")
    op.execute(f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS) PARTITION BY RANGE (at)")
    op.execute(f"CREATE TABLE {table}_other PARTITION OF {table} DEFAULT")
    for month in _months(connection, before):
        begins, ends = _store(month), _store(_next(month))
        op.execute(
            f"CREATE TABLE {table}_{month:%Y_%m} PARTITION OF {table} "
            f"FOR VALUES FROM ({begins}) TO ({ends})"
        )
    op.execute(f"INSERT INTO {table} SELECT * FROM {before}")  # noqa: S608 (our own names)
    op.execute(f"ALTER SEQUENCE {table}_key_seq OWNED BY {table}.key")
    op.execute(f"DROP TABLE {before}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (key, at)")
    if table == "transition":
        op.execute(
            "ALTER TABLE transition ADD CONSTRAINT fk_transition_device_key "
            "FOREIGN KEY (device_key) REFERENCES device (key)"
        )
    for _, made in indexes:
        op.execute(sa.text(made.replace(":", r"\:")))


def _months(connection: sa.Connection, before: str) -> list[datetime]:
    """The months that have history, and those from now on."""
    span = connection.execute(
        sa.text(
            f"SELECT DISTINCT date_trunc('month', to_timestamp(at / {MICROSECONDS}.0) "  # noqa: S608 (our own names)
            f"AT TIME ZONE 'UTC') FROM {before}"
        )
    ).scalars()
    found = {moment.replace(tzinfo=UTC) for moment in span}
    now = connection.execute(sa.text("SELECT now() AT TIME ZONE 'UTC'")).scalar_one()
    month = datetime(now.year, now.month, 1, tzinfo=UTC)
    for _ in range(AHEAD + 1):
        found.add(month)
        month = _next(month)
    return sorted(found)


def _next(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _store(instant: datetime) -> int:
    return int(instant.timestamp()) * MICROSECONDS
