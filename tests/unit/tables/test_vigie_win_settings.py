"""USB storage, the firewall, updates and VPN connections of a written Windows."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import closed, rows_of
from fake_windows import DENIED, NO_NAMESPACE, WrittenWindows, a_windows_device
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import (
    vigie_win_firewall,
    vigie_win_updates,
    vigie_win_usb_policy,
    vigie_win_usb_storage,
    vigie_win_vpn,
)
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import (
    InstalledUpdate,
    RegistryData,
    RegistryKey,
    Unread,
    UpdateHistory,
    WmiRow,
)

Keys = Mapping[str, Mapping[str, RegistryData] | RegistryKey | Unread]

SERVICES = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
ACCESS = r"Software\Policies\Microsoft\Windows\RemovableStorageDevices"
DISKS = r"{53f5630d-b6bf-11d0-94f2-00a0c91efb8b}"
INSTALL = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions"
KNOWN = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Enum\USBSTOR"
MDM = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\Storage"
PROFILES = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
MARIE = "S-1-5-21-1-2-3-1001"
PAUL = "S-1-12-1-1-2-3-4"
OPEN: Keys = {
    rf"{SERVICES}\USBSTOR": {"Start": 3},
    rf"{SERVICES}\UASPStor": {"Start": 3},
    PROFILES: {},
}


def usb(*layers: Keys) -> dict[object, TableRow]:
    keys = {name: key for layer in layers for name, key in layer.items()}
    host = a_windows_device(WrittenWindows(keys=keys))
    return {
        row["mechanism"]: row
        for row in rows_of(vigie_win_usb_policy.tables(host), "vigie_win_usb_policy")
    }


# --- USB storage ----------------------------------------------------------------------------------


def test_where_nothing_is_set_nothing_refuses_usb_storage() -> None:
    rows = usb(OPEN)

    assert {name: row["blocked"] for name, row in rows.items()} == {
        "USBSTOR and UASPStor drivers": 0,
        "removable storage access policy": 0,
    }


@pytest.mark.parametrize(
    ("usbstor", "uas", "blocked", "detail"),
    [
        (4, 4, 1, "both are disabled"),
        (4, 3, 0, "UASPStor may start"),
        (3, 4, 0, "USBSTOR may start"),
        (4, None, 1, "both are disabled"),
    ],
)
def test_uas_disks_bypass_a_disabled_usbstor(
    usbstor: int, uas: int | None, blocked: int, detail: str
) -> None:
    row = usb(
        OPEN,
        {
            rf"{SERVICES}\USBSTOR": {"Start": usbstor},
            rf"{SERVICES}\UASPStor": {} if uas is None else {"Start": uas},
        },
    )["USBSTOR and UASPStor drivers"]

    assert (row["blocked"], row["detail"]) == (blocked, detail)


def test_drivers_that_cannot_be_read_or_found_claim_nothing() -> None:
    denied = usb(OPEN, {rf"{SERVICES}\UASPStor": DENIED})["USBSTOR and UASPStor drivers"]
    missing = usb({PROFILES: {}})["USBSTOR and UASPStor drivers"]

    assert denied["why"] == "the USB storage drivers: needs elevated rights"
    assert (denied["collected"], missing["collected"]) == ("no", "no")


@pytest.mark.parametrize(
    ("everything", "disks", "blocked"),
    [
        ({"Deny_All": 1}, {}, 1),
        ({}, {"Deny_Read": 1, "Deny_Write": 1}, 1),
        ({}, {"Deny_Write": 1}, 0),
        ({"Deny_All": 0}, {"Deny_Read": 0, "Deny_Write": 0}, 0),
    ],
)
def test_refusing_to_write_alone_is_not_refusing(
    everything: dict[str, RegistryData], disks: dict[str, RegistryData], blocked: int
) -> None:
    root = rf"HKEY_LOCAL_MACHINE\{ACCESS}"

    row = usb(OPEN, {root: everything, rf"{root}\{DISKS}": disks})[
        "removable storage access policy"
    ]

    assert row["blocked"] == blocked


def test_an_accounts_own_policy_blocks_only_when_every_account_has_it() -> None:
    profiles: Keys = {
        rf"{PROFILES}\{MARIE}": {"ProfileImagePath": r"C:\Users\marie"},
        rf"{PROFILES}\{PAUL}": {"ProfileImagePath": r"C:\Users\paul"},
    }
    marie: Keys = {rf"HKEY_USERS\{MARIE}\{ACCESS}": {"Deny_All": 1}}
    paul: Keys = {rf"HKEY_USERS\{PAUL}\{ACCESS}": {"Deny_All": 1}}
    name = "removable storage access policy of accounts"

    away = usb(OPEN, profiles, marie)[name]
    both = usb(OPEN, profiles, marie, paul)[name]

    assert (away["blocked"], away["detail"]) == (
        0,
        "refuses 1 of 2 accounts; 1 not logged on, not read",
    )
    assert (both["blocked"], both["detail"]) == (1, "refuses 2 of 2 accounts")
    assert name not in usb(OPEN, profiles)


def test_restrictions_on_installing_let_in_what_was_known_before() -> None:
    name = "device installation restrictions"
    denied: Keys = {INSTALL: {"DenyRemovableDevices": 1}}
    sticks: Keys = {rf"{KNOWN}\Disk&Ven_SanDisk": {}, rf"{KNOWN}\Disk&Ven_Kingston": {}}

    fresh, used = usb(OPEN, denied)[name], usb(OPEN, denied, sticks)[name]

    assert (fresh["blocked"], used["blocked"]) == (1, 0)
    assert used["detail"] == "refuses new devices; 2 known before go on working"
    assert name not in usb(OPEN)


def test_a_retroactive_restriction_on_disks_lets_nothing_in() -> None:
    sticks: Keys = {rf"{KNOWN}\Disk&Ven_SanDisk": {}}
    keys: Keys = {
        INSTALL: {"DenyDeviceClasses": 1, "DenyDeviceClassesRetroactive": 1},
        rf"{INSTALL}\DenyDeviceClasses": {"1": "{4D36E967-E325-11CE-BFC1-08002BE10318}"},
    }
    other: Keys = {
        INSTALL: {"DenyDeviceClasses": 1},
        rf"{INSTALL}\DenyDeviceClasses": {"1": "{another-class}", "2": b"damaged"},
    }

    assert usb(OPEN, sticks, keys)["device installation restrictions"]["blocked"] == 1
    assert "device installation restrictions" not in usb(OPEN, other)


def test_management_that_refuses_to_write_is_told_and_does_not_block() -> None:
    row = usb(OPEN, {MDM: {"RemovableDiskDenyWriteAccess": 1}})[
        "mobile device management: no writing"
    ]

    assert (row["blocked"], row["detail"]) == (0, "refuses to write, not to read")


# --- USB storage that is attached ---


STICK: WmiRow = {
    "FriendlyName": "SanDisk Cruzer",
    "Manufacturer": "SanDisk ",
    "Model": "Cruzer Blade",
    "SerialNumber": " 4C53 ",
    "BusType": 7,
    "DeviceId": "1",
}
UAS: WmiRow = {
    **STICK,
    "Manufacturer": None,
    "Model": None,
    "FriendlyName": "Samsung T7",
    "DeviceId": "2",
}
SYSTEM: WmiRow = {**STICK, "BusType": 17, "DeviceId": "0"}


def attached(windows: WrittenWindows) -> list[TableRow]:
    host = a_windows_device(windows)
    return rows_of(vigie_win_usb_storage.tables(host), "vigie_win_usb_storage")


def test_disks_on_uas_are_on_the_usb_bus_too() -> None:
    rows = attached(WrittenWindows(objects={"MSFT_PhysicalDisk": [SYSTEM, STICK, UAS]}))

    assert [(row["vendor"], row["model"], row["serial"], row["device"]) for row in rows] == [
        ("SanDisk", "Cruzer Blade", "4C53", "PHYSICALDRIVE1"),
        ("", "Samsung T7", "4C53", "PHYSICALDRIVE2"),
    ]


def test_without_the_storage_service_drives_tell_and_the_gap_is_told() -> None:
    drive: WmiRow = {
        "Model": "x",
        "SerialNumber": "1",
        "InterfaceType": "USB",
        "PNPDeviceID": "",
        "Index": 1,
    }
    by_name: WmiRow = {**drive, "InterfaceType": "SCSI", "PNPDeviceID": r"USBSTOR\DISK", "Index": 2}
    disk: WmiRow = {**drive, "InterfaceType": "IDE", "Index": 0}

    told, *rows = attached(
        WrittenWindows(
            objects={"MSFT_PhysicalDisk": DENIED, "Win32_DiskDrive": [disk, drive, by_name]}
        )
    )

    assert told["why"] == "the bus of disks: needs elevated rights"
    assert [row["device"] for row in rows] == ["PHYSICALDRIVE1", "PHYSICALDRIVE2"]


@pytest.mark.parametrize("hidden", [DENIED, []])
def test_where_neither_answers_nothing_is_claimed(hidden: Unread | list[WmiRow]) -> None:
    # Without rights the storage service lists no disk at all.
    objects = {"MSFT_PhysicalDisk": hidden, "Win32_DiskDrive": DENIED}

    assert [row["collected"] for row in attached(WrittenWindows(objects=objects))] == ["no"]


# --- Firewall -------------------------------------------------------------------------------------

LOCAL = (
    r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
)
POLICY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall"
RDP = "v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=System|Name=@FirewallAPI|"
SHARES = (
    "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|LPort=445|App=System|"
    "Name=@FirewallAPI.dll,-28511|"
)
OFF = SHARES.replace("Active=TRUE", "Active=FALSE")
DAMAGED = "v2.31|Action"


def a_live_profile(
    name: str, *, enabled: int = 1, inbound: int = 4, logs: int = 1, rules: int = 1
) -> WmiRow:
    return {
        "Name": name,
        "Enabled": enabled,
        "DefaultInboundAction": inbound,
        "AllowInboundRules": rules,
        "LogBlocked": logs,
    }


def firewall(windows: WrittenWindows) -> dict[object, TableRow]:
    rows = rows_of(vigie_win_firewall.tables(a_windows_device(windows)), "vigie_win_firewall")
    return {row["profile"]: row for row in rows}


def test_the_active_store_tells_what_is_in_force() -> None:
    windows = WrittenWindows(
        objects={
            "MSFT_NetFirewallProfile": [
                a_live_profile("Domain"),
                a_live_profile("Private", inbound=2, logs=0),
                a_live_profile("Public", enabled=0, inbound=0, logs=2),
            ]
        },
        keys={rf"{LOCAL}\PublicProfile": {"EnableFirewall": 1}},
    )

    rows = firewall(windows)

    assert windows.asked[0].endswith("in {'PolicyStore': 'ActiveStore'}")
    assert {
        name: (row["enabled"], row["inbound_default"], row["logs_drops"], row["origin"])
        for name, row in rows.items()
    } == {
        "domain": (1, "block", 1, "live"),
        "private": (1, "allow", 0, "live"),
        "public": (0, "allow", 0, "live"),
    }


def test_a_default_that_nobody_configured_is_windows_own() -> None:
    windows = WrittenWindows(
        objects={"MSFT_NetFirewallProfile": [a_live_profile("Public", inbound=0, logs=2)]}
    )

    row = firewall(windows)["public"]

    assert (row["inbound_default"], row["logs_drops"]) == ("block", 0)


@pytest.mark.parametrize("answer", [DENIED, NO_NAMESPACE])
def test_where_the_firewall_does_not_answer_policy_beats_what_the_device_set(
    answer: Unread,
) -> None:
    windows = WrittenWindows(
        objects={"MSFT_NetFirewallProfile": answer},
        keys={
            rf"{LOCAL}\StandardProfile": {"EnableFirewall": 1, "DefaultInboundAction": 1},
            rf"{LOCAL}\Mdm\StandardProfile": {"EnableFirewall": 1},
            rf"{POLICY}\PrivateProfile": {"EnableFirewall": 0},
            rf"{LOCAL}\PublicProfile": {"EnableFirewall": 1},
            rf"{POLICY}\PublicProfile\Logging": {"LogDroppedPackets": 1},
        },
    )

    rows = firewall(windows)

    assert {name: (row.get("origin"), row.get("enabled")) for name, row in rows.items()} == {
        "private": ("policy", 0),
        "public": ("local", 1),
        "domain": (None, None),
    }
    assert rows["public"]["logs_drops"] == 1
    assert rows["domain"]["why"] == "the settings of the firewall could not be read"


def test_rules_are_counted_for_each_profile_and_compared_whatever_their_order() -> None:
    live = {"MSFT_NetFirewallProfile": [a_live_profile("Private"), a_live_profile("Public")]}

    def rows(*texts: str) -> dict[object, TableRow]:
        rules = {f"{{{number}}}": text for number, text in enumerate(texts)}
        return firewall(WrittenWindows(objects=live, keys={rf"{LOCAL}\FirewallRules": rules}))

    first, second = rows(RDP, SHARES, OFF, DAMAGED), rows(SHARES, RDP)

    assert (first["private"]["rules"], first["public"]["rules"]) == (2, 1)
    assert first["private"]["fingerprint"] == second["private"]["fingerprint"] != ""
    assert first["private"]["fingerprint"] != first["public"]["fingerprint"]


def test_the_devices_own_rules_do_not_count_where_a_policy_says_so() -> None:
    windows = WrittenWindows(
        objects={"MSFT_NetFirewallProfile": [a_live_profile("Public"), a_live_profile("Private")]},
        keys={
            rf"{LOCAL}\FirewallRules": {"a": RDP},
            rf"{POLICY}\FirewallRules": {"b": RDP.replace("3389", "22")},
            rf"{POLICY}\PublicProfile": {"AllowLocalPolicyMerge": 0},
        },
    )

    rows = firewall(windows)

    assert (rows["public"]["rules"], rows["private"]["rules"]) == (1, 2)
    assert (rows["public"]["local_rules"], rows["private"]["local_rules"]) == (0, 1)


def test_rules_that_cannot_be_read_are_not_none() -> None:
    windows = WrittenWindows(
        objects={"MSFT_NetFirewallProfile": [a_live_profile("Public")]},
        keys={rf"{LOCAL}\FirewallRules": DENIED},
    )

    row = firewall(windows)["public"]

    assert (row["collected"], row["rules"], row["fingerprint"]) == ("yes", None, "")


def openings(
    *rules: str, profile: WmiRow | None = None, keys: Keys | None = None
) -> dict[object, object]:
    """Whom the public profile lets in, by port."""
    windows = WrittenWindows(
        objects={"MSFT_NetFirewallProfile": [profile or a_live_profile("Public")]},
        keys={
            rf"{LOCAL}\FirewallRules": {str(number): text for number, text in enumerate(rules)},
            **(keys or {}),
        },
    )
    rows = rows_of(vigie_win_firewall.tables(a_windows_device(windows)), "vigie_win_openings")
    return {row["port"]: row["way_in"] for row in rows if row["collected"] == "yes"}


IN = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ([], "none"),
        ([f"{IN}LPort=445|App=System|"], "any"),
        ([f"{IN}App=System|"], "any"),
        ([f"{IN}LPort=445|"], "any"),
        ([f"{IN}LPort2_10=440-450|App=System|"], "any"),
        ([f"{IN}LPort=445|App=System|RA4=LocalSubnet|RA6=LocalSubnet|"], "any"),
        ([f"{IN}LPort=445|App=System|RA4=192.0.2.10/255.255.255.255|"], "other"),
        ([f"{IN}LPort=445|App=System|Security=Authenticate|"], "other"),
        ([f"{IN}LPort=445|App=System|RA4=192.0.2.10|", f"{IN}LPort=445|App=System|"], "any"),
        ([f"{IN}LPort=445|App=System|", f"{IN}LPort=445|App=System|RA4=192.0.2.10|"], "any"),
        ([f"{IN}LPort=445|", f"{IN}LPort=445|".replace("Allow", "Block")], "none"),
        ([f"{IN}LPort=445|", f"{IN}LPort=445|RA4=192.0.2.9|".replace("Allow", "Block")], "any"),
        ([f"{IN}LPort=445|App=C:\\Program Files\\x.exe|"], "none"),
        ([f"{IN}LPort=445|App=System|Svc=x|"], "none"),
        ([f"{IN}LPort=RPC|App=System|"], "none"),
        ([f"{IN}LPort=5357|App=System|"], "none"),
        ([f"{IN}LPort=445|App=System|".replace("=6|", "=17|")], "none"),
        ([f"{IN}LPort=445|App=System|".replace("Dir=In", "Dir=Out")], "none"),
        ([f"{IN}LPort=445|App=System|Profile=Private|"], "none"),
    ],
)
def test_neighbours_come_in_where_a_rule_of_windows_itself_lets_them(
    rules: list[str], way: str
) -> None:
    assert openings(*rules)[445] == way


def test_a_profile_that_is_off_lets_everybody_in_and_one_that_is_shut_nobody() -> None:
    rule = f"{IN}LPort=445|App=System|"

    off = openings(profile=a_live_profile("Public", enabled=0))
    shut = openings(rule, profile=a_live_profile("Public", rules=0))
    open_ = openings(profile=a_live_profile("Public", inbound=2))

    assert (off, shut, open_) == (
        {139: "any", 445: "any"},
        {139: "none", 445: "none"},
        {139: "any", 445: "any"},
    )


@pytest.mark.parametrize(
    ("enabled", "state", "known"),
    [
        (0, 266256, False),  # on: it filters in the place of Windows
        (0, 262160, True),  # off
        (0, None, True),
        (1, 266256, True),  # Windows filters too
    ],
)
def test_whom_another_firewall_lets_in_is_not_known(
    enabled: int, state: int | None, known: object
) -> None:
    windows = WrittenWindows(
        objects={
            "MSFT_NetFirewallProfile": [a_live_profile("Public", enabled=enabled)],
            "FirewallProduct": [{"displayName": "ESET", "productState": state}],
        },
        keys={rf"{LOCAL}\FirewallRules": {}},
    )

    rows = rows_of(vigie_win_firewall.tables(a_windows_device(windows)), "vigie_win_openings")

    public = [row for row in rows if row["profile"] == "public"]
    assert all((row["collected"] == "yes") is known for row in public)
    assert len(public) == (2 if known else 1)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({rf"{POLICY}\FirewallRules": DENIED}, "needs elevated rights"),
        ({}, "is not there"),  # every Windows has rules of its own
    ],
)
def test_rules_that_cannot_be_read_leave_the_door_unknown(keys: Keys, why: str) -> None:
    windows = WrittenWindows(
        objects={"MSFT_NetFirewallProfile": [a_live_profile("Public")]}, keys=keys
    )

    rows = rows_of(vigie_win_firewall.tables(a_windows_device(windows)), "vigie_win_openings")

    assert {row["profile"]: row["why"] for row in rows} == {
        "domain": "the settings of the firewall could not be read",
        "private": "the settings of the firewall could not be read",
        "public": f"the rules of the firewall: {why}",
    }


# --- Updates --------------------------------------------------------------------------------------

SERVICING = (
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
)
WAITING = (
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate"
    r"\Auto Update\RebootRequired"
)
DAY = 86_400
MONDAY = 1794528000
CUMULATIVE = InstalledUpdate("2026-11 Mise à jour cumulative (KB5068861)", MONDAY + 3_600, 1, 2)
SIGNATURES = InstalledUpdate(
    "Security Intelligence Update for Microsoft Defender Antivirus - KB2267602", MONDAY + DAY, 1, 2
)
FAILED = InstalledUpdate("2026-12 Mise à jour cumulative", MONDAY + 2 * DAY, 1, 4)
REMOVED = InstalledUpdate("2026-10 Mise à jour cumulative", MONDAY + 2 * DAY, 2, 2)


def a_package(time: int, state: int = 112) -> dict[str, RegistryData]:
    ticks = (time + 11_644_473_600) * 10_000_000
    return {
        "InstallTimeHigh": ticks >> 32,
        "InstallTimeLow": ticks & 0xFFFFFFFF,
        "CurrentState": state,
    }


def updates(windows: WrittenWindows) -> dict[object, TableRow]:
    rows = rows_of(vigie_win_updates.tables(a_windows_device(windows)), "vigie_win_updates")
    return {row["part"]: row for row in rows}


def test_only_an_update_of_windows_that_succeeded_mends_it() -> None:
    history = UpdateHistory((FAILED, REMOVED, SIGNATURES, CUMULATIVE), last_search=MONDAY + DAY + 9)

    row = updates(WrittenWindows(updates=history))["history"]

    assert (row["last_install_day"], row["last_check_day"]) == (MONDAY, MONDAY + DAY)
    assert row["source"] == "history"


def test_a_history_that_was_emptied_is_replaced_by_what_the_servicing_stack_keeps() -> None:
    windows = WrittenWindows(
        updates=UpdateHistory(),
        keys={
            rf"{SERVICING}\Packages\Package_for_RollupFix~31bf~amd64~~26100.1": a_package(
                MONDAY + 5
            ),
            rf"{SERVICING}\Packages\Package_for_RollupFix~31bf~amd64~~26100.2": a_package(
                MONDAY + 9 * DAY, state=80
            ),
            rf"{SERVICING}\Packages\Microsoft-Windows-Foo~31bf": a_package(MONDAY + 9 * DAY),
            rf"{SERVICING}\Packages\Package_for_KB1~31bf": {"CurrentState": 112},
        },
    )

    row = updates(windows)["history"]

    assert (row["last_install_day"], row["source"]) == (MONDAY, "servicing")


def test_a_history_that_is_empty_or_closed_says_so() -> None:
    empty = updates(WrittenWindows(updates=UpdateHistory(), keys={rf"{SERVICING}\Packages": {}}))
    denied = updates(WrittenWindows(updates=DENIED))

    assert empty["history"]["why"] == "the history of Windows Update is empty"
    assert denied["history"]["why"] == "the history of Windows Update: needs elevated rights"
    assert {empty["history"]["collected"], denied["history"]["collected"]} == {"no"}


def test_a_restart_waits_where_a_key_exists_since_it_was_written() -> None:
    waiting = updates(WrittenWindows(keys={WAITING: RegistryKey(written=MONDAY)}))["reboot"]
    none = updates(WrittenWindows())["reboot"]
    closed_key = updates(WrittenWindows(keys={WAITING: DENIED}))["reboot"]

    assert (waiting["reboot_pending"], waiting["reboot_pending_time"]) == (1, MONDAY)
    assert (none["reboot_pending"], none["reboot_pending_time"]) == (0, None)
    assert closed_key["why"] == "whether a restart waits: needs elevated rights"


# --- VPN ------------------------------------------------------------------------------------------

BOOK = "Microsoft/Network/Connections/Pbk/rasphone.pbk"
PHONEBOOK = (
    "[Siège]\r\nEncoding=1\r\nType=2\r\nVpnStrategy=7\r\nPhoneNumber=vpn.essms.example\r\n\r\n"
    "MEDIA=rastapi\r\nType=1\r\n[Modem]\r\nType=1\r\nVpnStrategy=7\r\n[Ancien]\r\nType=2\r\n"
)


def vpn(root: Path, files: Mapping[str, bytes]) -> tuple[Host, list[TableRow]]:
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    keys: Keys = {rf"{PROFILES}\{MARIE}": {"ProfileImagePath": "C:\\Users\\marie"}}
    host = Host(root=root, windows=WrittenWindows(keys=keys))
    return host, rows_of(vigie_win_vpn.tables(host), "vigie_win_vpn")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_connections_are_named_with_their_kind_and_nothing_else(
    tmp_path: Path, encoding: str
) -> None:
    _, rows = vpn(tmp_path, {f"C:/ProgramData/{BOOK}": PHONEBOOK.encode(encoding)})

    assert [(row["name"], row["kind"], row["scope"]) for row in rows] == [
        ("Siège", "ikev2", "device"),
        ("Ancien", "unknown", "device"),
    ]
    assert "vpn.essms.example" not in str(rows)


def test_the_phonebook_of_an_account_is_read_too(tmp_path: Path) -> None:
    _, rows = vpn(tmp_path, {f"C:/Users/marie/AppData/Roaming/{BOOK}": PHONEBOOK.encode("utf-8")})

    assert {row["scope"] for row in rows} == {"account"}


def test_a_phonebook_that_cannot_be_read_is_told_and_none_is_no_row(tmp_path: Path) -> None:
    host, rows = vpn(tmp_path, {})
    closed(host, f"C:/ProgramData/{BOOK}")

    (row,) = rows_of(vigie_win_vpn.tables(host), "vigie_win_vpn")

    assert rows == []
    assert (row["collected"], row["why"]) == ("no", "a phonebook could not be read")
