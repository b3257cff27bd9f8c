"""`systemd_units`: the units that systemd has loaded, through systemctl.

Empty where systemd does not run the machine (a container), as in osqueryd.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from vigie_agent.domain.table import LibraryMissing, Table, TableError, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host, Outcome
from vigie_agent.tables.links import is_there

COLUMNS: Final = osquery_columns(
    "id, description, load_state, active_state, sub_state, unit_file_state, following, "
    "object_path, job_id BIGINT, job_type, job_path, fragment_path, user, source_path"
)
_PROPERTIES: Final = (
    "Id,Description,LoadState,ActiveState,SubState,UnitFileState,Following,Job,FragmentPath,"
    "User,SourcePath"
)
_TIMEOUT: Final = timedelta(seconds=20)
_MAX_OUTPUT: Final = 8 * 1024 * 1024


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "systemd_units",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="Units that systemd has loaded",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    if not is_there(host, "/run/systemd/system"):
        return
    argv = ["systemctl", "show", "--all", "--no-pager", f"--property={_PROPERTIES}", "*"]
    result = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    if result.outcome is Outcome.MISSING:
        raise LibraryMissing("systemd runs this machine, but systemctl is not installed")
    if not result.ok:
        raise TableError(f"systemctl show: {result.stderr.strip() or result.outcome.value}")
    for unit in read_units(result.stdout):
        yield unit_row(unit)


def read_units(printed: str) -> Iterator[Mapping[str, str]]:
    """The properties of each unit that `systemctl show` printed; a block without Id is none."""
    for block in printed.split("\n\n"):
        pairs = (line.partition("=") for line in block.splitlines())
        unit = {name: value for name, equals, value in pairs if equals}
        if unit.get("Id"):
            yield unit


def unit_row(unit: Mapping[str, str]) -> TableRow:
    """A unit's properties as osqueryd gives them; a job's type is known to D-Bus only."""
    job = unit.get("Job", "") or "0"
    return {
        "id": unit["Id"],
        "description": unit.get("Description", ""),
        "load_state": unit.get("LoadState", ""),
        "active_state": unit.get("ActiveState", ""),
        "sub_state": unit.get("SubState", ""),
        "unit_file_state": unit.get("UnitFileState", ""),
        "following": unit.get("Following", ""),
        "object_path": f"/org/freedesktop/systemd1/unit/{_escaped(unit['Id'])}",
        "job_id": int(job) if job.isdecimal() else 0,
        "job_type": "",
        "job_path": "/" if job == "0" else f"/org/freedesktop/systemd1/job/{job}",
        "fragment_path": unit.get("FragmentPath", ""),
        "user": unit.get("User", ""),
        "source_path": unit.get("SourcePath", ""),
    }


def _escaped(name: str) -> str:
    """D-Bus paths hold letters and digits; a leading digit is escaped too."""
    return "".join(
        chr(byte)
        if chr(byte).isalnum() and byte < 128 and not (n == 0 and chr(byte).isdigit())  # noqa: PLR2004 (ASCII)
        else f"_{byte:02x}"
        for n, byte in enumerate(name.encode())
    )
