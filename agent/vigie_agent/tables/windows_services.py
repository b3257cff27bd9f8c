"""Services of a Windows device by their names, which are never translated."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import as_text, wql
from vigie_agent.tables.windows_system import CIMV2, Unread


class Service(NamedTuple):
    """A service: whether it runs, and whether it may be started."""

    running: bool
    disabled: bool


def services(host: Host, names: Sequence[str]) -> Mapping[str, Service] | Unread:
    """Those of `names` that this device has."""
    wanted = " OR ".join(f"Name = '{name}'" for name in names)
    found = host.windows.wmi(CIMV2, wql("Name, State, StartMode", "Win32_Service", where=wanted))
    if isinstance(found, Unread):
        return found
    by_name = {as_text(row["Name"]).lower(): row for row in found}
    return {
        name: Service(
            running=as_text(row["State"]) == "Running",
            disabled=as_text(row["StartMode"]) == "Disabled",
        )
        for name in names
        if (row := by_name.get(name.lower())) is not None
    }
