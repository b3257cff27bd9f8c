"""Files for other programs."""

import csv
import json
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import text

from fakes.stored import SITE, a_device, a_token, opened_store
from vigie_server.cli.main import main
from vigie_server.domain.glpi_inventory import Machine, glpi_inventory

ALLOWED = {
    "hardware": {"name", "uuid", "chassis_type"},
    "bios": {"ssn", "smanufacturer", "smodel"},
    "operatingsystem": {"name", "version", "full_name"},
}
"""What the published schema has under `content`, of what we write: all of them texts."""


def glpi(data: Path, folder: Path, *more: str) -> Result:
    arguments = ["exchange", "glpi", str(folder), *more]
    return CliRunner().invoke(main, arguments, env={"VIGIE_SERVER_DATA": str(data)})


def test_every_device_that_is_not_retired_is_a_file_of_glpi(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as store:
        a_token(store)
        for device in ("a", "b", "gone"):
            a_device(store, device, serial=f"PF-{device}", hostname="poste d'accueil é")
        with store.writing() as connection:
            connection.execute(text("UPDATE device SET state = 'retired' WHERE id = 'gone'"))
            connection.execute(text("UPDATE device SET os = 'Ubuntu', os_version = '24.04'"))
            connection.execute(text("UPDATE device SET chassis = 'laptop' WHERE id = 'a'"))

    done = glpi(tmp_path, tmp_path / "out")
    again = glpi(tmp_path, tmp_path / "out")
    elsewhere = glpi(tmp_path, tmp_path / "none", "--site", "another")

    assert done.exit_code == elsewhere.exit_code == 0, done.output
    assert again.exit_code == 1
    assert "not empty" in again.stderr
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["a.json", "b.json"]
    assert list((tmp_path / "none").iterdir()) == []
    found = json.loads((tmp_path / "out" / "a.json").read_text())
    assert found["content"].pop("versionclient").startswith("Vigie-Server_v")
    assert found == {
        "action": "inventory",
        "deviceid": "vigie-a",
        "itemtype": "Computer",
        "tag": SITE,
        "content": {
            "hardware": {"name": "poste d'accueil é", "chassis_type": "Laptop"},
            "bios": {"ssn": "PF-a"},
            "operatingsystem": {
                "name": "Ubuntu",
                "version": "24.04",
                "full_name": "Ubuntu 24.04",
            },
        },
    }


def test_what_is_not_known_is_left_out_and_all_else_is_a_text_that_the_schema_has() -> None:
    full = Machine("x", "s", "h", "os", "1", "desktop", "serial", "uuid", "maker", "model")
    bare = Machine("x", "s", "", "", "", "", "", "", "", "")

    content = dict(glpi_inventory(full, version="1")["content"])  # type: ignore[call-overload]
    content.pop("versionclient")

    assert {name: set(part) for name, part in content.items()} == ALLOWED
    assert all(type(value) is str for part in content.values() for value in part.values())
    assert glpi_inventory(bare, version="1")["content"] == {"versionclient": "Vigie-Server_v1"}


def test_devices_are_assets_of_ciso_assistant_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    with opened_store("sqlite", tmp_path) as store:
        a_token(store)
        a_device(store, "a", serial="PF-1", hostname='=cmd|"/c calc"')
        a_device(store, "b", serial="PF-2", hostname="")
        with store.writing() as connection:
            connection.execute(text("UPDATE device SET os = 'Ubuntu', os_version = '24.04'"))
    arguments = ["exchange", "ciso-assets", str(tmp_path / "assets.csv")]
    environment = {"VIGIE_SERVER_DATA": str(tmp_path)}

    done = CliRunner().invoke(main, arguments, env=environment)
    again = CliRunner().invoke(main, arguments, env=environment)

    assert done.exit_code == 0, done.output
    assert again.exit_code == 1
    assert "there already" in again.stderr
    with (tmp_path / "assets.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shared = {"type": "SP", "domain": SITE, "filtering_labels": "vigie"}
    assert rows == [
        {
            "ref_id": "a",
            "name": '\'=cmd|"/c calc"',
            "description": "PF-1, Ubuntu 24.04",
            **shared,
        },
        {"ref_id": "b", "name": "PF-2", "description": "PF-2, Ubuntu 24.04", **shared},
    ]
