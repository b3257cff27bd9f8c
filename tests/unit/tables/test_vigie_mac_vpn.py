from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_vpn
from vigie_agent.tables.host import CommandResult, Host, Outcome

SCUTIL = "/usr/sbin/scutil"
HEADING = "Available network connection services in the current set (*=enabled):\n"
LIST = (
    HEADING
    + """\
* (Disconnected)   F866AE22-4EC1-4524-8769-86A290A0C582 VPN (com.wireguard.macos) "Siège"          \
[VPN:com.wireguard.macos]
* (Connected)      9B33EDB3-7576-4A9C-AB78-BC8C08E05BE4 IPSec              "VPN "IKE" du pôle"    \
[IPSec]
  (Disconnected)   1A2B3C4D-0000-0000-0000-000000000000 PPP --> L2TP       "Ancien"               \
[PPP:L2TP]
"""
)


def vpn(host: Host) -> list[TableRow]:
    return rows_of(vigie_mac_vpn.tables(host), "vigie_mac_vpn")


def test_configurations_are_told_with_their_kind_and_state(tmp_path: Path) -> None:
    rows = vpn(a_device(tmp_path, programs={SCUTIL: LIST}))

    assert [(row["name"], row["kind"], row["enabled"], row["connected"]) for row in rows] == [
        ("Siège", "VPN:com.wireguard.macos", 1, 0),
        ('VPN "IKE" du pôle', "IPSec", 1, 1),
        ("Ancien", "PPP:L2TP", 0, 0),
    ]


def test_a_name_without_quotes_is_read_too(tmp_path: Path) -> None:
    said = HEADING + "* (Connected) 11111111-1111-1111-1111-111111111111 Siège [VPN:IPSec]\n"

    (row,) = vpn(a_device(tmp_path, programs={SCUTIL: said}))

    assert (row["name"], row["kind"], row["connected"]) == ("Siège", "VPN:IPSec", 1)


@pytest.mark.parametrize("state", ["Connecting", "Disconnecting", "Invalid", ""])
def test_only_connected_is_connected(tmp_path: Path, state: str) -> None:
    said = HEADING + f'* ({state}) 11111111-1111-1111-1111-111111111111 IPSec "x" [IPSec]\n'

    (row,) = vpn(a_device(tmp_path, programs={SCUTIL: said}))

    assert row["connected"] == 0


def test_a_mac_without_a_configuration_has_no_row(tmp_path: Path) -> None:
    assert vpn(a_device(tmp_path, programs={SCUTIL: HEADING})) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "scutil answered what could not be understood"),
        ("No services\n", "scutil answered what could not be understood"),
        (CommandResult(Outcome.MISSING), "this Mac has no scutil"),
        (CommandResult(Outcome.TIMED_OUT), "scutil did not answer in time"),
        (failed(""), "scutil failed"),
    ],
)
def test_an_answer_that_is_none_is_not_an_empty_list(
    tmp_path: Path, said: CommandResult | str, why: str
) -> None:
    assert vpn(a_device(tmp_path, programs={SCUTIL: said})) == [{"collected": "no", "why": why}]
