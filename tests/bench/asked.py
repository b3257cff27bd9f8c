"""What a reader asks a running server for, over and over, and what it took: lists and pages."""

import http.client
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bench.kept import KeptStore
from bench.processes import ServedProcess
from vigie_server.store.database import Database

WANTED_MS: Final = 100.0
SITES_A_TOKEN: Final = 40
SCOPES: Final = {"": 0, " (1 site)": 1, f" ({SITES_A_TOKEN} sites)": SITES_A_TOKEN}
"""Who reads: somebody of every site, of one, of forty."""
WHOLE: Final = ("",)
EVERY: Final = tuple(SCOPES)

Named = Sequence[tuple[str, str, Sequence[str]]]
"""Name, path and scopes of what is asked for."""


@dataclass(frozen=True, slots=True)
class Took:
    """What one thing took, each time. CPU is the server's, `database_ms` PostgreSQL's."""

    p50_ms: float
    p95_ms: float
    most_ms: float
    cpu_ms: float
    database_ms: float
    in_statements_ms: float
    statements: float
    dearest: Sequence[str]

    @classmethod
    def asking(
        cls, store: KeptStore, server: ServedProcess, ask: Callable[[], Sequence[float]]
    ) -> "Took":
        """Of all that `ask` asks for; it gives the seconds of each."""
        store.count_statements()
        cpu, database = server.cpu(), server.database_cpu()
        at = sorted(seconds * 1e3 for seconds in ask())
        cpu, database = server.cpu() - cpu, server.database_cpu() - database
        in_statements, statements = store.statements()
        times = len(at)
        return cls(
            at[times // 2],
            at[int(times * 0.95)],
            at[-1],
            cpu / times * 1e3,
            database / times * 1e3,
            in_statements / times,
            statements / times,
            store.dearest() if at[-1] > WANTED_MS else [],
        )

    def told(self) -> str:
        """The rest of a line for people; where it was late, what took longest in the store too."""
        cpu = f"CPU {self.cpu_ms:5.1f} ms"
        if self.statements:
            cpu += (
                f", PostgreSQL {self.database_ms:5.1f} ms; {self.statements:.1f} statements "
                f"{self.in_statements_ms:.1f} ms"
            )
        late = "" if self.p95_ms <= WANTED_MS else "  BEYOND"
        line = f"p50 {self.p50_ms:6.1f}  p95 {self.p95_ms:6.1f}  most {self.most_ms:6.1f} ms  {cpu}"
        return "\n    ".join((line + late, *self.dearest))


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing for one reader, at one size. `first_ms`: with nothing of it in any cache."""

    engine: str
    devices: int
    name: str
    first_ms: float
    took: Took

    def kept(self) -> dict[str, object]:
        """The same as data."""
        made = asdict(self)
        del made["took"]
        return {**made, **asdict(self.took)}

    def begun(self) -> str:
        """The beginning of a line for people."""
        return f"{self.engine} {self.devices:>7}  {self.name:<44} first {self.first_ms:6.1f}  "


class Reader:
    """A client on one connection."""

    def __init__(self, folder: Path, port: int, token: str) -> None:
        trust = ssl.create_default_context(cafile=folder / "ca" / "https.crt")
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds until the answer was whole, and the answer."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        spent = time.perf_counter() - began
        assert answer.status == 200, (path, answer.status, body[:300])
        return spent, body


def readers_of(store: KeptStore) -> Mapping[str, str]:
    """A token a scope."""
    return {label: store.token(sites) for label, sites in SCOPES.items()}


def names_of(database: Database) -> dict[str, str]:
    """Things of the store to ask for."""
    with database.reading() as connection:
        one = {
            "device": "SELECT id FROM device WHERE key = 5",
            "site": "SELECT name FROM site WHERE key = 1",
            "body": "SELECT name FROM body WHERE key = 1",
            "product": "SELECT coalesce(max(product), 'LibreOffice') FROM site_software",
            "rule": "SELECT rule FROM rule_count WHERE site_key = 0 ORDER BY failing DESC LIMIT 1",
        }
        return {name: str(connection.execute(text(sql)).scalar_one()) for name, sql in one.items()}
