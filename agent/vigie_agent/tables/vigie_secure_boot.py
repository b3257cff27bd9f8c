"""vigie_secure_boot: how this device starts, and its security chip (Linux)."""

import errno
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there

COLUMNS: Final = (
    text("part", "firmware or tpm"),
    text("firmware", "uefi or bios"),
    integer("secure_boot", "The firmware checks what it starts"),
    integer("setup_mode", "No keys are enrolled: the firmware checks nothing, whatever it says"),
    integer("tpm_present", "There is a security chip"),
    text("tpm_version", "2.0 or 1.2; empty where the kernel does not say"),
    integer("tpm_ready", "The kernel has taken it into use"),
    *COLLECTED,
)
"""One row for the firmware, one for the security chip."""

_FIRMWARE: Final = "/sys/firmware"
_VARIABLES: Final = "/sys/firmware/efi/efivars"
_GLOBAL: Final = "8be4df61-93ca-11d2-aa0d-00e098032b8c"  # the vendor id of UEFI itself
_VARIABLE_BYTES: Final = 5  # four of attributes, one of value
_CHIPS: Final = "/sys/class/tpm"
_ACPI_TABLES: Final = ("/sys/firmware/acpi/tables/TPM2", "/sys/firmware/acpi/tables/TCPA")
_VERSIONS: Final = {"1": "1.2", "2": "2.0"}


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_secure_boot",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="How this device starts, and its security chip",
        ),
    )


def read_switch(variable: bytes) -> bool | None:
    """What a UEFI variable of one byte says, as efivarfs gives it; None when it is no such one."""
    if len(variable) != _VARIABLE_BYTES or variable[-1] > 1:
        return None
    return variable[-1] == 1


def _rows(host: Host) -> Iterator[TableRow]:
    yield _firmware(host)
    yield _tpm(host)


def _firmware(host: Host) -> TableRow:
    if is_there(host, f"{_FIRMWARE}/efi"):
        return _uefi(host)
    if is_there(host, f"{_FIRMWARE}/acpi") or is_there(host, f"{_FIRMWARE}/dmi"):
        return collected(part="firmware", firmware="bios", secure_boot=0)
    return not_collected("the kernel shows no firmware: a container, or a board", part="firmware")


def _uefi(host: Host) -> TableRow:
    known: dict[str, str] = {"part": "firmware", "firmware": "uefi"}
    try:
        if not any(host.path(_VARIABLES).iterdir()):
            return not_collected("the variables of the firmware are not mounted", **known)
        secure, setup = _switch(host, "SecureBoot"), _switch(host, "SetupMode")
    except OSError as error:
        if error.errno == errno.ENOENT:
            return not_collected("the variables of the firmware are not mounted", **known)
        return not_collected(f"{_VARIABLES}: {error.strerror or error}", **known)
    except ValueError as error:
        return not_collected(str(error), **known)
    return collected(**known, secure_boot=int(secure and not setup), setup_mode=int(setup))


def _switch(host: Host, name: str) -> bool:
    """A firmware without the variable has no secure boot. Raises OSError, ValueError."""
    try:
        content = host.read_bytes(f"{_VARIABLES}/{name}-{_GLOBAL}", max_bytes=_VARIABLE_BYTES)
    except FileNotFoundError:
        return False
    on = read_switch(content)
    if on is None:
        raise ValueError(f"the firmware's variable {name} could not be understood")
    return on


def _tpm(host: Host) -> TableRow:
    if not is_there(host, "/sys/class"):
        return not_collected("the kernel shows no devices", part="tpm")
    if is_there(host, f"{_CHIPS}/tpm0"):
        number = host.text_or_empty(f"{_CHIPS}/tpm0/tpm_version_major").strip()
        version = _VERSIONS.get(number, "")
        if not number and is_there(host, f"{_CHIPS}/tpm0/device/caps"):
            version = "1.2"  # kernels before 5.6 say no version; only the old chips have this file
        return collected(part="tpm", tpm_present=1, tpm_version=version, tpm_ready=1)
    # The firmware tells of a chip for which the kernel has no driver.
    described = any(is_there(host, table) for table in _ACPI_TABLES)
    version = "2.0" if is_there(host, _ACPI_TABLES[0]) else ""
    return collected(part="tpm", tpm_present=int(described), tpm_version=version, tpm_ready=0)
