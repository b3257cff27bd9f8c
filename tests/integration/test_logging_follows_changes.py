"""The settings of a machine's logs and clock in a folder, asked with the packs' own SQL.

On it is done what an administrator does: a drop-in that makes the journal volatile, a line that
sends logs away, a server of the site's own. Between changes the digest stays.
"""

import platform
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from fake_host import a_device
from simulated_machines import PACKS
from vigie_agent.domain.answers import QueryError
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables.catalogue import all_tables

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux", reason="the embedded engine is for Linux"
)

Row = Mapping[str, str]


class Machine:
    """A machine with journald, rsyslog as Debian ships it, and timesyncd."""

    def __init__(self, root: Path) -> None:
        self.root = root
        host = a_device(
            root,
            {
                "/usr/lib/systemd/system/systemd-journald.service": "[Unit]\n",
                "/usr/lib/systemd/system/systemd-timesyncd.service": "[Unit]\n",
                "/var/log/journal/.keep": "",
                "/etc/rsyslog.conf": (
                    "$IncludeConfig /etc/rsyslog.d/*.conf\n*.*;auth.none\t-/var/log/syslog\n"
                ),
            },
        )
        self._engine = EmbeddedEngine(all_tables(host))

    def ask(self, topic: str, part: str) -> list[Row]:
        """The rows of a part, asked twice: an idle machine gives the same."""
        (query,) = (
            query for query in PACKS[topic].queries if query.name == f"{topic}_linux_{part}"
        )
        first, second = (self._rows(query.sql) for _ in range(2))
        assert first == second
        return first

    def write(self, path: str, content: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)

    def _rows(self, sql: str) -> list[Row]:
        answer = self._engine.query(sql, timeout=timedelta(seconds=20))
        assert not isinstance(answer, QueryError), answer
        return [dict(row) for row in answer.rows]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_drop_in_that_makes_the_journal_volatile_is_seen_until_another_beats_it(
    machine: Machine,
) -> None:
    def persistent() -> dict[str, str]:
        return {row["name"]: row["persistent"] for row in machine.ask("logging", "storage")}

    shipped = persistent()
    machine.write("usr/lib/systemd/journald.conf.d/50-v.conf", "[Journal]\nStorage=volatile\n")
    volatile = persistent()
    machine.write("etc/systemd/journald.conf.d/90-p.conf", "[Journal]\nStorage=persistent\n")
    mended = persistent()

    assert shipped == mended == {"systemd-journald": "1", "rsyslog": "1"}
    assert volatile == {"systemd-journald": "0", "rsyslog": "1"}


def test_a_collector_is_told_from_the_moment_a_line_names_it(machine: Machine) -> None:
    before = machine.ask("logging", "targets")

    machine.write("etc/rsyslog.d/50-out.conf", 'action(type="omfwd" target="logs.example")\n')
    named = machine.ask("logging", "targets")
    machine.write("etc/rsyslog.d/50-out.conf", "# for later\n")
    after = machine.ask("logging", "targets")

    assert before == after == []
    assert [(row["target"], row["protocol"]) for row in named] == [("logs.example:514", "udp")]


def test_a_server_of_the_site_takes_the_place_of_those_built_in(machine: Machine) -> None:
    before = machine.ask("time_sync", "servers")

    machine.write("etc/systemd/timesyncd.conf.d/site.conf", "[Time]\nNTP=temps.example\n")
    after = machine.ask("time_sync", "servers")

    assert [(row["server"], row["source"]) for row in before] == [("", "built in")]
    assert [row["server"] for row in after] == ["temps.example"]
