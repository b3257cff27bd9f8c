from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import LibraryMissing, TableError
from vigie_agent.tables.host import CommandResult
from vigie_agent.tables.systemd_units import read_units, tables

SHOWN = """\
Id=ssh.service
Description=OpenBSD Secure Shell server
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
FragmentPath=/lib/systemd/system/ssh.service
User=root

Id=-.mount
Description=Root Mount = the whole
LoadState=loaded
ActiveState=active
SubState=mounted
Job=17
SourcePath=/proc/self/mountinfo

Description=a block without a name

Id=gone.service
LoadState=not-found
"""


def test_units_are_told_as_osqueryd_tells_them(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/run/systemd/system/.keep": ""}, programs={"systemctl": SHOWN})

    rows = rows_of(tables(host), "systemd_units")

    assert [row["id"] for row in rows] == ["ssh.service", "-.mount", "gone.service"]
    assert rows[0] == {
        "id": "ssh.service",
        "description": "OpenBSD Secure Shell server",
        "load_state": "loaded",
        "active_state": "active",
        "sub_state": "running",
        "unit_file_state": "enabled",
        "following": "",
        "object_path": "/org/freedesktop/systemd1/unit/ssh_2eservice",
        "job_id": 0,
        "job_type": "",
        "job_path": "/",
        "fragment_path": "/lib/systemd/system/ssh.service",
        "user": "root",
        "source_path": "",
    }
    assert (rows[1]["object_path"], rows[1]["description"]) == (
        "/org/freedesktop/systemd1/unit/_2d_2emount",
        "Root Mount = the whole",
    )
    assert (rows[1]["job_id"], rows[1]["job_path"]) == (17, "/org/freedesktop/systemd1/job/17")
    assert rows[2]["load_state"] == "not-found"


def test_a_machine_that_systemd_does_not_run_has_no_units(tmp_path: Path) -> None:
    host = a_device(tmp_path, programs={"systemctl": SHOWN})

    assert rows_of(tables(host), "systemd_units") == []


@pytest.mark.parametrize(
    ("programs", "error"),
    [({}, LibraryMissing), ({"systemctl": failed("Failed to connect to bus")}, TableError)],
)
def test_a_systemd_that_does_not_answer_is_an_error(
    tmp_path: Path, programs: dict[str, CommandResult | str], error: type[TableError]
) -> None:
    host = a_device(tmp_path, {"/run/systemd/system/.keep": ""}, programs=programs)

    with pytest.raises(error, match=r"systemctl"):
        rows_of(tables(host), "systemd_units")


def test_a_damaged_answer_is_read_as_far_as_it_goes() -> None:
    assert list(read_units("Id=a.service\ngarbage\n=\n\n\n\nId")) == [{"Id": "a.service", "": ""}]
