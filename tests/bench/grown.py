# ruff: noqa: S608 (our own names in our own statements)
"""A store that has grown: a region's devices, and what a year leaves behind.

    python -m bench.grown FOLDER --devices 100000 --changes 80
    python -m bench.grown postgresql+psycopg://... --devices 10000

What is assumed, for want of a fleet of that age: 50 devices a site on average, from 10 to 300;
13 sites a managing body; `changes` verdicts of a device change in a year (80: a patch day, a
signature that ages and a reboot each month, and what people mend), each in the words of a recorded
device; a device leaves 5 acts in the audit, a site 20 attestations that were renewed once, 3
waivers and 12 incidents. Every device is one of the recorded ones, judged by the rules in force:
verdicts, reasons, rows and evidence are real, names and keys are made up. No verdict and no
check of mail is due within a year: a store that is kept stays as it was planted, no sweep is
measured, and nobody is asked about made-up domains. Of the evidence,
answers of at most `MOST_EVIDENCE` bytes are written: longer ones would make a store of tens of
gigabytes, and no list reads them.

Rows are made inside the database from the judged recordings, so that a full store takes minutes.
The floor is what the database takes to copy verdicts into a table without key or index.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, text

from bench.recorded_store import Judged, Row, judged_recordings
from vigie_server.domain.mail.findings import RULES as MAIL_RULES
from vigie_server.simulator.naming import PLACES
from vigie_server.store import epoch, history, migrating
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.instants import to_store
from vigie_server.store.models import Base
from vigie_server.store.rule_counts import COLUMNS, recounted

DEVICES: Final = 10_000
CHANGES: Final = 20
FULL_CHANGES: Final = 80
DEVICES_PER_SITE: Final = 50
MOST_EVIDENCE: Final = 256
YEAR: Final = timedelta(days=365)
AT_ONCE: Final = 5_000
REGIONS: Final = ("11", "24", "27", "28", "32", "44", "52", "53", "75", "76", "84", "93", "94")
KINDS: Final = ("EHPAD", "IME", "MAS", "Foyer", "SSIAD", "ESAT", "CAMSP", "SESSAD")
NAMES: Final = ("Les Tilleuls", "Les Lilas", "Le Val", "La Source", "Beau Soleil", "Les Érables")
WEIGHTS: Final = (10, 15, 20, 20, 25, 30, 40, 60, 100, 180)
"""Devices of ten sites in turn: 50 on average."""


@dataclass(slots=True)
class Grown:
    """What was made, and how long each kind took, in seconds."""

    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    floor_per_second: float = 0.0

    def told(self) -> str:
        """Lines for people."""
        lines = [
            f"{name}: {self.rows[name]:,} rows in {spent:.1f} s"
            for name, spent in self.seconds.items()
        ]
        total = sum(self.rows.values()) / max(sum(self.seconds.values()), 0.001)
        lines.append(
            f"in all {total:,.0f} rows/s; bare copy of verdicts {self.floor_per_second:,.0f} rows/s"
        )
        return "\n".join(lines)


def grow(url: str, *, devices: int, changes: int, seed: int = 1) -> Grown:
    """Fills an empty store. Run it outside an event loop."""
    with tempfile.TemporaryDirectory(prefix="vigie-grown-") as folder:
        judged = asyncio.run(judged_recordings(Path(folder)))
    database = Database(url)
    try:
        migrating.migrate(database)
        epoch.prepare(database)
    finally:
        database.close()
    engine = create_engine(url)
    try:
        return _Growing(engine, judged, devices, changes, Random(seed)).run()
    finally:
        engine.dispose()


class _Growing:
    def __init__(
        self, engine: Engine, judged: Judged, devices: int, changes: int, random: Random
    ) -> None:
        self.engine, self.judged, self.random = engine, judged, random
        self.devices, self.changes = devices, changes
        self.now = datetime.now(UTC)
        self.year_ago = to_store(self.now - YEAR)
        self.made = Grown()
        self.sites = max(1, devices // DEVICES_PER_SITE)

    def run(self) -> Grown:
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
            if self.engine.dialect.name == "postgresql":  # as a server makes them, month by month
                for kind in history.BY_MONTH:
                    months = history.months(self.now - YEAR, self.now)
                    history.make_these(connection, kind, months)
                connection.commit()
            for name, step in (
                ("organisation", self._organisation),
                ("devices", self._devices),
                ("verdicts", self._verdicts),
                ("evidence", self._evidence),
                ("transitions", self._transitions),
                ("declared", self._declared),
                ("audit", self._audit),
                ("counts", self._counts),
                ("days", self._days),
            ):
                began = time.perf_counter()
                self.made.rows[name] = step(connection)
                connection.commit()
                self.made.seconds[name] = time.perf_counter() - began
            self._floor(connection)
            connection.commit()
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
                plain.execute(text("VACUUM ANALYZE"))
        return self.made

    def _organisation(self, connection: Connection) -> int:
        bodies = max(1, self.sites // 13)
        body_rows = [
            {"key": key, "name": f"Association {key:04d}", "created_at": self.year_ago}
            for key in range(1, bodies + 1)
        ]
        site_rows = [
            {
                "key": key,
                "name": f"{KINDS[key % len(KINDS)]} {NAMES[key % len(NAMES)]} {key:05d}",
                "created_at": self.year_ago,
                "body_key": 1 + key % bodies,
                "region": REGIONS[key % len(REGIONS)],
                "finess": f"{key:09d}",
                "networks": json.dumps([f"10.{key // 256 % 256}.{key % 256}.0/24"]),
                "gateways": "[]",
                "declared_devices": WEIGHTS[key % len(WEIGHTS)],
                "contacts": json.dumps([{"name": "Accueil", "email": "", "phone": "0500000000"}]),
            }
            for key in range(1, self.sites + 1)
        ]
        return self._add(connection, "body", body_rows) + self._add(connection, "site", site_rows)

    def _devices(self, connection: Connection) -> int:
        recorded = self.judged.devices
        places = [
            site for site in range(1, self.sites + 1) for _ in range(WEIGHTS[site % len(WEIGHTS)])
        ]
        rows = []
        for key in range(1, self.devices + 1):
            site = places[(key - 1) % len(places)]
            like = recorded[self._like(key)]
            state = _state(self.random.random())
            seen = self.now - timedelta(seconds=self.random.random() ** 6 * 90 * 86_400)
            rows.append(
                like
                | {
                    "key": key,
                    "id": str(UUID(int=self.random.getrandbits(128), version=4)),
                    "site_key": site,
                    "state": state,
                    "disabled": "retired" if state == "retired" else "",
                    "hostname": f"S{site:05d}-{PLACES[key % len(PLACES)]}-{key % 1000:03d}",
                    "hardware_serial": f"GR{key:08d}",
                    "nomadic": key % 5 == 0,
                    "enrolled_at": self.year_ago - key,
                    "last_report_at": to_store(seen),
                    "last_seen_at": to_store(seen),
                    "judged_with": self.judged.judged_with,
                    "revision": 1,
                }
            )
        return self._add(connection, "device", rows)

    def _like(self, key: int) -> int:
        """The recording that a device is one of."""
        return (key * 7919) % len(self.judged.devices)

    def _verdicts(self, connection: Connection) -> int:
        self._template(connection, "as_verdict", self.judged.verdicts)
        count = len(self.judged.devices)
        beside = {"device_key", "next_check_at"}
        columns = [name for name in self.judged.verdicts[0] if name not in beside]
        a_year = int(YEAR.total_seconds()) * 1_000_000
        with _Bare(connection, "verdict"):
            made = connection.execute(
                text(
                    f"INSERT INTO verdict (device_key, next_check_at, {', '.join(columns)}) "
                    f"SELECT d.key, t.next_check_at + {a_year}, "
                    f"{', '.join(f't.{name}' for name in columns)} "
                    "FROM device d JOIN as_verdict t "
                    f"ON t.device_key = 1 + (d.key * 7919) % {count} ORDER BY d.key, t.rule"
                )
            ).rowcount
            connection.execute(text("DROP TABLE as_verdict"))
        return made

    def _evidence(self, connection: Connection) -> int:
        short = [row for row in self.judged.evidence if len(row["content"]) <= MOST_EVIDENCE]
        self._template(connection, "as_evidence", short)
        count = len(self.judged.devices)
        columns = [name for name in short[0] if name not in {"device_key", "received_at"}]
        with _Bare(connection, "evidence"):
            made = connection.execute(
                text(
                    f"INSERT INTO evidence (device_key, received_at, {', '.join(columns)}) "
                    f"SELECT d.key, d.last_report_at, {', '.join(f't.{name}' for name in columns)} "
                    "FROM device d JOIN as_evidence t "
                    f"ON t.device_key = 1 + (d.key * 7919) % {count} ORDER BY d.key, t.topic"
                )
            ).rowcount
        connection.execute(
            text(
                "INSERT INTO snapshot (device_key, topic, revision, digest, observed_at) "
                "SELECT device_key, topic, revision, digest, observed_at FROM evidence"
            )
        )
        connection.execute(text("DROP TABLE as_evidence"))
        return made * 2

    def _transitions(self, connection: Connection) -> int:
        flips = _flips(self.judged.verdicts)
        self._template(connection, "as_flip", flips)
        step = int(YEAR.total_seconds()) * 1_000_000 // max(1, self.changes)
        made = 0
        with _Bare(connection, "transition"):
            for turn in range(self.changes):
                made += connection.execute(
                    text(
                        "INSERT INTO transition (device_key, rule, before, after, at, rule_version,"
                        " topic_versions, reason, offending) "
                        "SELECT d.key, t.rule, t.before, t.after,"
                        f" {self.year_ago + turn * step} + (d.key * 7919 % 10007) * {step // 10007}"
                        " AS at, t.rule_version, t.topic_versions, t.reason, t.offending "
                        "FROM device d JOIN as_flip t "
                        f"ON t.number = (d.key * 31 + {turn} * 17) % {len(flips)} ORDER BY at"
                    )
                ).rowcount
            connection.execute(text("DROP TABLE as_flip"))
        return made

    def _declared(self, connection: Connection) -> int:
        kinds: dict[str, list[Row]] = {}
        for site in range(1, self.sites + 1):
            for kind, rows in self._of_site(site).items():
                kinds.setdefault(kind, []).extend(rows)
        made = sum(self._add(connection, name, rows) for name, rows in kinds.items())
        made += self._cards(connection)
        return made + self._waivers(connection)

    def _of_site(self, site: int) -> dict[str, list[Row]]:
        """What people and the server wrote of a site."""
        at = {"site_key": site}
        said = {"outcome": "held", "reason": "", "author": "A. Martin", "document": ""}
        noted = {"person": "A. Martin", "text": "Courriel suspect, signalé.", "digest": bytes(32)}
        found = {"status": "pass", "reason": _WORDS, "detail": "[]"}
        level = {"reason": _WORDS, "actions": json.dumps([{"need": "attest", "subject": "x"}])}
        return {
            "attestation": [
                at
                | said
                | {
                    "item": f"Q{1 + number % 13:02d}-item-{number:02d}",
                    "at": self._ago(300 - 150 * turn),
                    "expires_at": self._ago(-215),
                }
                for number in range(20)
                for turn in range(2)
            ],
            "incident": [
                at
                | noted
                | {
                    "number": 12 - months,
                    "happened_at": self._ago(30 * months),
                    "recorded_at": self._ago(30 * months),
                }
                for months in reversed(range(12))
            ],
            "maturity": [
                at
                | level
                | {
                    "question": question,
                    "level": (site + question) % 5,
                    "since": self._ago(90),
                    "judged_at": self._ago(0),
                }
                for question in range(1, 14)
            ],
            "maturity_change": [
                at
                | {
                    "question": question,
                    "before": 0,
                    "after": (site + question) % 5,
                    "reason": _WORDS,
                    "at": self._ago(90),
                }
                for question in range(1, 14)
            ],
            "inventory_review": [
                at
                | {
                    "inventory": "equipment",
                    "complement": "",
                    "author": "A. Martin",
                    "at": self._ago(60),
                }
            ],
            "device_group": [
                at
                | {
                    "name": "accueil",
                    "selector": '{"platform": ["windows"]}',
                    "created_at": self._ago(200),
                }
            ],
            "mail_domain": [
                at
                | {
                    "key": site,
                    "domain": f"site{site:05d}.example",
                    "selectors": "[]",
                    "created_at": self._ago(200),
                    "checked_at": self._ago(1),
                    "next_check_at": self._ago(-365),
                }
            ],
            "mail_verdict": [
                found
                | {
                    "domain_key": site,
                    "rule": rule,
                    "since": self._ago(199),
                    "checked_at": self._ago(1),
                }
                for rule in MAIL_RULES
            ],
            "site_verdict": [
                at | found | {"rule": rule, "since": self._ago(199), "judged_at": self._ago(1)}
                for rule in MAIL_RULES
            ],
        }

    def _cards(self, connection: Connection) -> int:
        card = json.dumps({"place": "Accueil", "user": "partagé"})
        return connection.execute(
            text(
                "INSERT INTO asset_card (device_key, fields, author, updated_at) "
                "SELECT key, :card, 'api:bench', enrolled_at FROM device WHERE key % 5 < 3"
            ),
            {"card": card},
        ).rowcount

    def _waivers(self, connection: Connection) -> int:
        """Three a site, each of one failing rule of one device; a device has at most one."""
        found = connection.execute(
            text(
                "SELECT d.site_key, d.key, min(v.rule) AS rule FROM device d JOIN verdict v "
                "ON v.device_key = d.key AND v.status = 'fail' WHERE d.key % 16 = 3 "
                "GROUP BY d.site_key, d.key"
            )
        ).all()
        waivers: list[Row] = []
        waived: list[Row] = []
        for key, (site, device, rule) in enumerate(found, start=1):
            waivers.append(
                {
                    "key": key,
                    "site_key": site,
                    "rule": rule,
                    "reason": "Logiciel métier",
                    "author": "A. Martin",
                    "approver": "B. Durand",
                    "at": self._ago(100),
                    "expires_at": self._ago(-200),
                }
            )
            waived.append({"waiver_key": key, "device_key": device, "rows": "[]"})
            connection.execute(
                text("UPDATE verdict SET waived = true WHERE device_key = :d AND rule = :r"),
                {"d": device, "r": rule},
            )
        return self._add(connection, "waiver", waivers) + self._add(
            connection, "waived_device", waived
        )

    def _audit(self, connection: Connection) -> int:
        made = 0
        step = int(YEAR.total_seconds()) * 1_000_000 // 5
        for turn, action in enumerate(
            ("enrolled with token 1", "approved", "enrolled again", "declared found", "approved")
        ):
            made += connection.execute(
                text(
                    "INSERT INTO audit (at, actor, action, subject) SELECT "
                    f"{self.year_ago + turn * step} + (key * 7919 % 10007) * {step // 10007} AS at,"
                    " CASE WHEN key % 7 = 0 THEN 'api:admin' ELSE 'server' END, :action, id "
                    "FROM device ORDER BY at"
                ),
                {"action": action},
            ).rowcount
        return made

    def _counts(self, connection: Connection) -> int:
        rows = [
            {"site_key": site, "rule": rule, **counts}
            for (site, rule), counts in sorted(recounted(connection).items())
        ]
        assert all(set(row) >= set(COLUMNS.values()) for row in rows)
        return self._add(connection, "rule_count", rows)

    def _days(self, connection: Connection) -> int:
        """A year of days: those of all sites move each day, those of a site once a week."""
        moved = "CASE WHEN c.passing < n % 5 THEN 0 ELSE n % 5 END"
        return connection.execute(
            text(
                f"""
WITH RECURSIVE ago(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ago WHERE n < 365)
INSERT INTO rule_day (site_key, rule, day, passing, failing, waived, unknown, not_applicable)
SELECT c.site_key, c.rule, :today - n, c.passing - {moved}, c.failing + {moved}, c.waived,
  c.unknown, c.not_applicable
FROM rule_count c JOIN ago ON c.site_key = 0 OR n % 7 = 0"""
            ),
            {"today": (self.now.date() - date(1970, 1, 1)).days},
        ).rowcount

    def _floor(self, connection: Connection) -> None:
        began = time.perf_counter()
        connection.execute(
            text("CREATE TABLE bare AS SELECT * FROM verdict WHERE device_key < 2000")
        )
        rows = connection.execute(text("SELECT count(*) FROM bare")).scalar_one()
        self.made.floor_per_second = rows / (time.perf_counter() - began)
        connection.execute(text("DROP TABLE bare"))

    def _template(self, connection: Connection, name: str, rows: Sequence[Row]) -> None:
        """A table of rows to make others from."""
        binary = "BYTEA" if self.engine.dialect.name == "postgresql" else "BLOB"
        kinds = {int: "BIGINT", bool: "BOOLEAN", bytes: binary, str: "TEXT", float: "FLOAT"}
        columns = {}
        for column in rows[0]:
            value = next((row[column] for row in rows if row[column] is not None), 0)
            kind = kinds[type(value)]
            columns[column] = "BOOLEAN" if column == "waived" else kind
        declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(text(f"CREATE TABLE {name} ({declared})"))
        self._put(connection, name, rows, booleans={"waived"})
        key = "number" if "number" in columns else "device_key"
        connection.execute(text(f"CREATE INDEX ix_{name} ON {name} ({key})"))

    def _add(self, connection: Connection, name: str, rows: Sequence[Row]) -> int:
        booleans = {
            column.name
            for column in Base.metadata.tables[name].columns
            if column.type.python_type is bool
        }
        made = self._put(connection, name, rows, booleans=booleans)
        if rows and "key" in rows[0] and self.engine.dialect.name == "postgresql":
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{name}', 'key'), {len(rows)})")
            )
        return made

    def _put(
        self, connection: Connection, name: str, rows: Sequence[Row], *, booleans: set[str]
    ) -> int:
        if not rows:
            return 0
        columns = list(rows[0])
        mark = "%s" if self.engine.dialect.name == "postgresql" else "?"
        sql = (
            f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"
        )
        for start in range(0, len(rows), AT_ONCE):
            few: list[tuple[Any, ...]] = [
                tuple(
                    bool(row[column]) if column in booleans and row[column] is not None
                    else row[column]
                    for column in columns
                )
                for row in rows[start : start + AT_ONCE]
            ]  # fmt: skip
            connection.exec_driver_sql(sql, few)
        return len(rows)

    def _ago(self, days: int) -> int:
        return to_store(self.now - timedelta(days=days))


_WORDS: Final = json.dumps({"fr": "Il manque une attestation.", "en": "An attestation is missing."})


class _Bare:
    """Indexes beside the key are made once the rows are there."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._indexes = connection, Base.metadata.tables[name].indexes

    def __enter__(self) -> None:
        for index in self._indexes:
            index.drop(self._connection)

    def __exit__(self, *_: object) -> None:
        for index in self._indexes:
            index.create(self._connection)


_STATES: Final = (
    (0.02, "retired"),
    (0.04, "pending"),
    (0.045, "lost"),
    (0.047, "stolen"),
    (0.05, "quarantined"),
)
"""Shares of devices, added up; the others are active."""


def _state(pick: float) -> str:
    return next((state for share, state in _STATES if pick < share), "active")


def _flips(verdicts: Sequence[Row]) -> list[Row]:
    """What changes of verdict are made of: two verdicts of a rule that recorded devices hold."""
    said: dict[str, dict[str, Row]] = {}
    for row in verdicts:
        said.setdefault(row["rule"], {})[row["status"]] = row
    found: list[Row] = []
    for rule, by_status in said.items():
        for before in by_status:
            for after, row in by_status.items():
                if before == after:
                    continue
                told = {name: row[name] for name in ("rule_version", "topic_versions", "reason")}
                offending = row["offending"]
                found.append(
                    {"number": len(found), "rule": rule, "before": before, "after": after}
                    | told
                    | {"offending": offending}
                )
    return found


def main() -> None:
    """Fills the store that the command line names."""
    parser = argparse.ArgumentParser(description="Fill an empty store as a year would.")
    parser.add_argument("where", help="a folder for SQLite, or a PostgreSQL URL")
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--changes", type=int, default=CHANGES, help="a device, in the year")
    asked = parser.parse_args()
    url = asked.where if "://" in asked.where else sqlite_url(Path(asked.where) / "vigie.db")
    print(grow(url, devices=asked.devices, changes=asked.changes).told())


if __name__ == "__main__":
    main()
