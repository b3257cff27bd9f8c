import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vigie_server.cli.main import main
from vigie_server.measured_costs import RELEASED, measured_costs


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


def test_a_small_facility_is_told_one_process() -> None:
    told = run("--devices", "50", "--held", "50")

    assert told.exit_code == 0, told.output
    assert "one process, SQLite" in told.output
    assert "PostgreSQL" not in told.output
    assert measured_costs().where in told.output


def test_a_million_devices_are_told_replicas_and_several_prometheus() -> None:
    told = run("--devices", "1000000", "--json")

    found = json.loads(told.output)
    assert found["deployment"] == "replicas over PostgreSQL"
    assert found["replicas"] > 2
    assert found["prometheus"] > 1
    assert found["database_cores"] > 0
    assert f"max_connections: {found['database_connections']} for them" in (
        run("--devices", "1000000").output
    )


@pytest.mark.parametrize("share", ["--changed", "--failing", "--period", "--scrape", "--groups"])
@pytest.mark.parametrize("odd", ["nan", "inf", "-1", "1e300", "many"])
def test_what_nobody_can_count_with_is_refused_by_name(share: str, odd: str) -> None:
    told = run("--devices", "1000", share, odd)

    assert told.exit_code == 2, told.output
    assert f"Invalid value for '{share}'" in told.output


def test_settings_are_told_as_they_are_written() -> None:
    visiting = run("--devices", "1000", "--period", "300")
    held = run("--devices", "1000000", "--held", "1000000", "--heartbeat", "120")
    replicas = json.loads(
        run("--devices", "1000000", "--held", "1000000", "--heartbeat", "120", "--json").output
    )["replicas"]

    settings = "Settings: VIGIE_SERVER_SESSIONS__HELD=0, VIGIE_SERVER_SESSIONS__VISIT=300\n"
    assert settings in visiting.output
    assert replicas > 2
    assert f"HELD={math.ceil(1_000_000 / (replicas - 1))}," in held.output
    assert "VIGIE_SERVER_SESSIONS__HEARTBEAT=120\n" in held.output


def test_a_hundred_thousand_devices_are_told_the_one_process_that_was_measured() -> None:
    """See "A fleet that visits" in docs/performance.md: at most 0.56 of a core, 611 MiB."""
    found = json.loads(run("--devices", "100000", "--json").output)

    assert found["deployment"] == "one process, SQLite"
    assert 0.56 <= found["server_cores"] < 0.6
    assert 611 * 2**20 <= found["replica_memory"] < 1.5 * 2**30


def test_costs_of_ones_own_are_used(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(RELEASED.read_text().replace("visit_cpu = ", "visit_cpu = 9", 1))

    cheap = json.loads(run("--devices", "1000", "--json").output)
    dear = json.loads(run("--devices", "1000", "--costs", str(own), "--json").output)

    assert dear["server_cores"] > cheap["server_cores"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("costs", "cannot be read"),
        ("[costs]\nvisit_cpu = 1\n", "missing change_cpu"),
        (None, "not a number"),
    ],
)
def test_a_file_that_is_no_costs_is_refused_by_name(
    tmp_path: Path, text: str | None, said: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        text or RELEASED.read_text().replace("series_site = ", "series_site = true #", 1)
    )

    told = run("--devices", "10", "--costs", str(own))

    assert told.exit_code == 1
    assert "own.toml" in told.output
    assert said in told.output
