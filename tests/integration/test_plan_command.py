import json
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
