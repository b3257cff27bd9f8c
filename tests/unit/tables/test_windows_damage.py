"""Whatever a Windows device answers, our tables give rows: they never raise."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fake_windows import WrittenWindows, a_windows_device
from vigie_agent.domain.table import Request
from vigie_agent.tables import (
    vigie_win_accounts,
    vigie_win_bitlocker,
    vigie_win_defender,
    vigie_win_firewall,
    vigie_win_password_policy,
    vigie_win_updates,
    vigie_win_usb_policy,
    vigie_win_usb_storage,
    vigie_win_vpn,
)
from vigie_agent.tables.windows_firewall_rules import active_rules, digest, way_in
from vigie_agent.tables.windows_system import (
    ADMINISTRATORS,
    AccountRules,
    GroupMember,
    InstalledUpdate,
    LocalUser,
    OpenSession,
    Reason,
    Unread,
    UpdateHistory,
)

TABLES = (
    vigie_win_accounts.tables,
    vigie_win_bitlocker.tables,
    vigie_win_defender.tables,
    vigie_win_firewall.tables,
    vigie_win_password_policy.tables,
    vigie_win_updates.tables,
    vigie_win_usb_policy.tables,
    vigie_win_usb_storage.tables,
    vigie_win_vpn.tables,
)
PROPERTIES = [
    "Name",
    "State",
    "StartMode",
    "AMServiceEnabled",
    "AntivirusEnabled",
    "RealTimeProtectionEnabled",
    "AntivirusSignatureVersion",
    "AntivirusSignatureLastUpdated",
    "QuickScanEndTime",
    "FullScanEndTime",
    "AMRunningMode",
    "IsTamperProtected",
    "DefenderSignaturesOutOfDate",
    "ScanScheduleDay",
    "displayName",
    "productState",
    "DriveLetter",
    "DeviceID",
    "VolumeType",
    "GetLockStatus.ReturnValue",
    "GetLockStatus.LockStatus",
    "GetConversionStatus.ReturnValue",
    "GetConversionStatus.ConversionStatus",
    "GetConversionStatus.EncryptionPercentage",
    "GetProtectionStatus.ReturnValue",
    "GetProtectionStatus.ProtectionStatus",
    "GetEncryptionMethod.ReturnValue",
    "GetEncryptionMethod.EncryptionMethod",
    "Enabled",
    "DefaultInboundAction",
    "AllowInboundRules",
    "LogBlocked",
    "FriendlyName",
    "Manufacturer",
    "Model",
    "SerialNumber",
    "BusType",
    "DeviceId",
    "InterfaceType",
    "PNPDeviceID",
    "Index",
]
CLASSES = [
    "Win32_Service",
    "MSFT_MpComputerStatus",
    "MSFT_MpPreference",
    "AntiVirusProduct",
    "FirewallProduct",
    "Win32_EncryptableVolume",
    "MSFT_NetFirewallProfile",
    "MSFT_PhysicalDisk",
    "Win32_DiskDrive",
]
SOFTWARE = r"HKEY_LOCAL_MACHINE\SOFTWARE"
SYSTEM = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet"
PROFILE = rf"{SOFTWARE}\Microsoft\Windows NT\CurrentVersion\ProfileList\S-1-5-21-1-2-3-1001"
FIREWALL = rf"{SYSTEM}\Services\SharedAccess\Parameters\FirewallPolicy"
SERVICING = rf"{SOFTWARE}\Microsoft\Windows\CurrentVersion\Component Based Servicing"
KEYS = (
    PROFILE,
    rf"{SYSTEM}\Services\USBSTOR",
    rf"{SYSTEM}\Services\UASPStor",
    rf"{SOFTWARE}\Policies\Microsoft\Windows\DeviceInstall\Restrictions",
    rf"{SOFTWARE}\Policies\Microsoft\Windows\DeviceInstall\Restrictions\DenyDeviceClasses",
    rf"{SOFTWARE}\Microsoft\PolicyManager\current\device\Storage",
    rf"{SOFTWARE}\Microsoft\Windows Defender\Signature Updates",
    rf"{FIREWALL}\PublicProfile",
    rf"{FIREWALL}\FirewallRules",
    rf"{SERVICING}\Packages\Package_for_RollupFix~1",
)
NAMES = [
    "Start",
    "Deny_All",
    "DenyDeviceClasses",
    "DenyRemovableDevices",
    "RemovableDiskDenyWriteAccess",
    "AVSignatureApplied",
    "AVSignatureVersion",
    "EnableFirewall",
    "DefaultInboundAction",
    "ProfileImagePath",
    "LocalProfileLoadTimeHigh",
    "LocalProfileLoadTimeLow",
    "InstallTimeHigh",
    "InstallTimeLow",
    "CurrentState",
    "1",
]

numbers = st.integers(-(2**63), 2**64)
words = st.text(max_size=40) | st.sampled_from(
    ["9" * 5_000, "²", "٣", "S-1-5-21-", "\0", "Running"]
)
unread = st.sampled_from(Reason).map(Unread)
values = st.none() | st.booleans() | numbers | words | st.floats() | st.just((1, "a"))
data = st.none() | numbers | words | st.binary(max_size=9) | st.just(("a", "b"))
objects = st.lists(st.fixed_dictionaries(dict.fromkeys(PROPERTIES, values)), max_size=2)
sids = st.sampled_from(["S-1-5-21-1-2-3-1001", "S-1-5-32-544", "S-1-12-1-1-2-3-4", "", "x", "-"])
users = st.builds(
    LocalUser,
    name=words,
    sid=sids,
    flags=numbers,
    last_logon=numbers,
    password_age=st.none() | numbers,
    expires=st.none() | numbers,
)
devices = st.builds(
    WrittenWindows,
    objects=st.fixed_dictionaries(dict.fromkeys(CLASSES, objects | unread)),
    keys=st.fixed_dictionaries(
        dict.fromkeys(KEYS, st.dictionaries(st.sampled_from(NAMES), data, max_size=6) | unread)
    ),
    users=st.lists(users, max_size=2) | unread,
    members=st.fixed_dictionaries(
        {
            ADMINISTRATORS: st.lists(
                st.builds(GroupMember, sid=sids, name=words, kind=numbers), max_size=3
            )
            | unread
        }
    ),
    rules=st.builds(AccountRules, *[numbers] * 7) | unread,
    open_sessions=st.lists(
        st.builds(
            OpenSession,
            account=words,
            sid=sids,
            remote=st.booleans(),
            groups=st.none() | st.frozensets(sids),
        ),
        max_size=2,
    )
    | unread,
    updates=st.builds(
        UpdateHistory,
        st.lists(st.builds(InstalledUpdate, words, numbers, numbers, numbers), max_size=2).map(
            tuple
        ),
        st.none() | numbers,
    )
    | unread,
)


@settings(max_examples=60, deadline=None)
@given(devices)
def test_no_answer_of_windows_makes_a_table_raise(windows: WrittenWindows) -> None:
    host = a_windows_device(windows)

    rows = [row for tables in TABLES for table in tables(host) for row in table.generate(Request())]

    assert all(row["collected"] in {"yes", "no"} for row in rows)
    assert all(row["why"] for row in rows if row["collected"] == "no")


@given(st.lists(st.text(max_size=80) | st.text("v|=-Actioneduw LPort0123456789", max_size=80)))
def test_no_rule_makes_the_firewalls_reader_raise(texts: list[str]) -> None:
    rules = active_rules(texts)

    assert way_in(rules, 445, default="none") in {"any", "other", "none"}
    assert digest(rules) == digest(reversed(rules))
