"""How fast the console draws its pages over a fleet that has grown: HTTPS, one reader, at rest.

`make bench PART=console`: 10,000 devices; with VIGIE_BENCH_FULL=1 100,000. FOLDER: where a grown
store stays for the next time (`bench.kept`); ENGINE=postgres. Every page of the console is asked
for over and over, by somebody who sees every site, and the lists also by who sees one and forty.
The first time is told apart: it finds nothing in any cache. Beside what devices leave behind, the
store has a person and an enrolment token a site, 300 tokens of contractors, and as many parameters
set otherwise as sites.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, text

from bench.asked import (
    EVERY,
    SITES_A_TOKEN,
    WHOLE,
    Asked,
    Named,
    Reader,
    Took,
    names_of,
    readers_of,
)
from bench.kept import KeptStore, asked_devices, asked_engine, asked_folder, kept_store
from bench.processes import ServedProcess
from vigie_server.store.database import Database
from vigie_server.store.instants import to_store

TURNS: Final = 40
TOKENS: Final = 300


@dataclass(frozen=True, slots=True)
class Drawn(Asked):
    """One page for one reader; what it took is told without the first time."""

    kilobytes: float

    def told(self) -> str:
        """A line for people."""
        return f"{self.begun()}{self.kilobytes:5.0f} kB  {self.took.told()}"


async def measure(folder: Path) -> Sequence[Drawn]:
    """Every page of the console."""
    devices = asked_devices()
    async with kept_store(asked_folder(folder), engine=asked_engine(), devices=devices) as store:
        pages = Pages.of(store)
        async with store.served() as server:
            return await asyncio.to_thread(pages.drawn, server)


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page of the console over a store, and who looks at them: a token by their scope."""

    store: KeptStore
    readers: Mapping[str, str]
    pages: Named

    @classmethod
    def of(cls, store: KeptStore) -> "Pages":
        """Adds who signs in and what lets in, once, and a token a scope."""
        database = Database(store.url)
        try:
            _peopled(database)
            return cls(store, readers_of(store), _pages(names_of(database)))
        finally:
            database.close()

    def drawn(self, server: ServedProcess) -> Sequence[Drawn]:
        """Asks for every page, over and over. Blocking."""
        return [
            _drawn(self.store, server, self.readers[scope], path, name + scope)
            for name, path, scopes in self.pages
            for scope in scopes
        ]


def _pages(names: dict[str, str]) -> Named:
    """Every page."""
    whole, every = WHOLE, EVERY
    device, rule, product = names["device"], names["rule"], quote(names["product"])
    site, body = f"/sites/{quote(names['site'])}", quote(names["body"])
    return (
        ("overview", "", every),
        ("overview of a managing body", f"?body={body}", whole),
        ("overview of a region", "?region=75", whole),
        ("overview by level", "?sort=level", every),
        ("overview by devices", "?sort=-devices", every),
        ("site", site, whole),
        ("attestations", f"{site}/attestations", whole),
        ("waivers", f"{site}/waivers", whole),
        ("incidents", f"{site}/incidents", whole),
        ("mail domains", f"{site}/mail", whole),
        ("devices", "/devices", every),
        ("devices, most failing first", "/devices?sort=-failing", every),
        ("devices by name", "/devices?hostname=S0", whole),
        ("devices, three filters", "/devices?compliant=no&nomadic=yes&platform=linux", every),
        ("devices stolen", "/devices?state=stolen", every),
        (f"devices failing {rule}", f"/devices?rule={rule}&status=fail", every),
        ("devices of a site", f"/devices?site={quote(names['site'])}", whole),
        ("device", f"/devices/{device}", whole),
        ("card", f"/devices/{device}/card", whole),
        ("import of cards", "/cards", whole),
        ("software", "/software", every),
        ("devices with a product", f"/software/devices?platform=darwin&product={product}", every),
        ("rules", "/rules", every),
        ("rule", f"/rules/{rule}", every),
        ("rule over a year", f"/rules/{rule}?days=365", every),
        ("groups", "/groups", every),
        ("group, new", "/groups/edit", whole),
        ("parameters", "/parameters", every),
        ("questions", "/questions", every),
        ("enrolment", "/enrolment", every),
        ("people", "/people", whole),
        ("tokens", "/tokens", whole),
        ("audit", "/audit", whole),
    )  # fmt: skip


def _drawn(store: KeptStore, server: ServedProcess, token: str, path: str, name: str) -> Drawn:
    reader = Reader(store.data, server.http, token)
    page = f"/console{path}"
    first, body = reader.get(page)
    took = Took.asking(store, server, lambda: [reader.get(page)[0] for _ in range(TURNS)])
    return Drawn(store.engine, store.devices, name, first * 1e3, took, len(body) / 1e3)


def _peopled(database: Database) -> None:
    """Adds who signs in and what lets in, once."""
    with database.writing() as connection:
        if connection.execute(text("SELECT count(*) FROM account")).scalar_one():
            return
        now = datetime.now(UTC)
        _people(connection, now)
        _tokens(connection, now)


def _people(connection: Connection, now: datetime) -> None:
    connection.execute(
        text(
            "INSERT INTO account (id, name, folded, role, sites, language, state, created_at,"
            " password_hash, totp_secret, step, recovery) SELECT 'p-' || key,"
            " 'director of ' || key, 'director of ' || key, 'operator', '[\"' || name || '\"]',"
            " 'fr', 'active', :now, '', '', 0, '[]' FROM site"
        ),
        {"now": to_store(now)},
    )
    connection.execute(
        text(
            "INSERT INTO parameter_override (scope, scope_key, rule, name, value, reason, author,"
            " at) SELECT 'site', key, 'Q05-min-length', 'characters', '12', 'Consigne',"
            " 'A. Martin', :now FROM site"
        ),
        {"now": to_store(now)},
    )


def _tokens(connection: Connection, now: datetime) -> None:
    ends = to_store(now + timedelta(days=180))
    sites = list(connection.execute(text("SELECT key, name FROM site ORDER BY key")))
    connection.execute(
        text(
            "INSERT INTO enrolment_token (id, secret_hash, site_key, profile, max_uses, uses,"
            " created_at, expires_at) VALUES (:id, :hash, :site, 'standard', 100, 50, :now, :ends)"
        ),
        [
            {
                "id": f"e-{key}",
                "hash": b"e%d" % key,
                "site": key,
                "now": to_store(now),
                "ends": ends,
            }
            for key, _ in sites
        ],
    )
    connection.execute(
        text(
            "INSERT INTO api_token (id, name, secret_hash, role, sites, created_at, expires_at,"
            " personal_data) VALUES (:id, :id, :hash, 'contractor', :sites, :now, :ends, false)"
        ),
        [
            {
                "id": f"c-{number}",
                "hash": b"c%d" % number,
                "sites": json.dumps(
                    sorted(
                        {
                            sites[(number * 7 + turn) % len(sites)][1]
                            for turn in range(SITES_A_TOKEN)
                        }
                    )
                ),
                "now": to_store(now),
                "ends": ends,
            }
            for number in range(TOKENS)
        ],
    )
