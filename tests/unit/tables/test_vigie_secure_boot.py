"""How a device starts and its security chip, told by the kernel's files."""

from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_secure_boot
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_secure_boot import read_switch

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
VARIABLES = "/sys/firmware/efi/efivars"
ON, OFF = b"\x06\x00\x00\x00\x01", b"\x06\x00\x00\x00\x00"
SECURE, SETUP = f"{VARIABLES}/SecureBoot-{GLOBAL}", f"{VARIABLES}/SetupMode-{GLOBAL}"
TPM = "/sys/class/tpm/tpm0"


def part(host: Host, name: str) -> TableRow:
    rows = rows_of(vigie_secure_boot.tables(host), "vigie_secure_boot")
    (row,) = [row for row in rows if row["part"] == name]
    return row


@pytest.mark.parametrize(
    ("secure", "setup", "told"), [(ON, OFF, (1, 0)), (OFF, OFF, (0, 0)), (ON, ON, (0, 1))]
)
def test_secure_boot_is_on_when_keys_are_enrolled_and_the_switch_is_on(
    tmp_path: Path, secure: bytes, setup: bytes, told: tuple[int, int]
) -> None:
    row = part(a_device(tmp_path, {SECURE: secure, SETUP: setup}), "firmware")

    assert (row["collected"], row["firmware"]) == ("yes", "uefi")
    assert (row["secure_boot"], row["setup_mode"]) == told


def test_a_firmware_without_the_variable_has_no_secure_boot(tmp_path: Path) -> None:
    row = part(a_device(tmp_path, {f"{VARIABLES}/BootOrder-{GLOBAL}": OFF}), "firmware")

    assert (row["collected"], row["secure_boot"]) == ("yes", 0)


@pytest.mark.parametrize("files", [{"/sys/firmware/efi/runtime": ""}, {f"{VARIABLES}/": ""}])
def test_variables_that_are_not_mounted_are_not_off(tmp_path: Path, files: dict[str, str]) -> None:
    host = a_device(tmp_path)
    for path in files:
        host.path(path if path.endswith("/") else path + "/").mkdir(parents=True)

    row = part(host, "firmware")

    assert (row["collected"], row["firmware"]) == ("no", "uefi")
    assert row["why"] == "the variables of the firmware are not mounted"


def test_a_variable_that_cannot_be_read_or_understood_is_not_off(tmp_path: Path) -> None:
    odd = part(a_device(tmp_path / "odd", {SECURE: b"\x06\x00\x00\x00"}), "firmware")
    host = a_device(tmp_path / "closed", {SECURE: ON})
    closed(host, SECURE)

    assert (odd["collected"], part(host, "firmware")["collected"]) == ("no", "no")


def test_a_legacy_bios_starts_anything(tmp_path: Path) -> None:
    row = part(a_device(tmp_path, {"/sys/firmware/acpi/pm_profile": "2"}), "firmware")

    assert (row["firmware"], row["secure_boot"]) == ("bios", 0)


def test_a_machine_that_shows_no_firmware_claims_nothing(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    assert part(host, "firmware")["collected"] == "no"
    assert part(host, "tpm")["collected"] == "no"


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({f"{TPM}/tpm_version_major": "2\n"}, "2.0"),
        ({f"{TPM}/tpm_version_major": "1\n"}, "1.2"),
        ({f"{TPM}/device/caps": "Manufacturer: 0x49465800"}, "1.2"),
        ({f"{TPM}/dev": "10:224"}, ""),
        ({f"{TPM}/tpm_version_major": "3\n"}, ""),
    ],
)
def test_a_security_chip_says_its_version(
    tmp_path: Path, files: dict[str, str], version: str
) -> None:
    row = part(a_device(tmp_path, files), "tpm")

    assert (row["tpm_present"], row["tpm_version"], row["tpm_ready"]) == (1, version, 1)


def test_a_chip_without_a_driver_is_there_and_not_ready(tmp_path: Path) -> None:
    files = {"/sys/class/net/lo": "", "/sys/firmware/acpi/tables/TPM2": ""}

    row = part(a_device(tmp_path, files), "tpm")

    assert (row["tpm_present"], row["tpm_version"], row["tpm_ready"]) == (1, "2.0", 0)


def test_without_a_chip_there_is_none(tmp_path: Path) -> None:
    row = part(a_device(tmp_path, {"/sys/class/net/lo": ""}), "tpm")

    assert (row["collected"], row["tpm_present"]) == ("yes", 0)


@pytest.mark.parametrize(
    "variable", [b"", b"\x01", b"\x06\x00\x00\x00\x02", b"\x06\x00\x00\x00\x01\x00"]
)
def test_a_damaged_variable_says_nothing(variable: bytes) -> None:
    assert read_switch(variable) is None
