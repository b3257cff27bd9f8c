"""Logon, SMBv1 and management of a Windows, from what Windows itself says."""

from collections.abc import Mapping

import pytest

from fake_host import rows_of
from fake_windows import DENIED, NO_NAMESPACE, WrittenWindows, a_windows_device
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_win_logon, vigie_win_management, vigie_win_smb1
from vigie_agent.tables.windows_system import LocalUser, RegistryData, RegistryKey, Unread, WmiRow

HKLM = "HKEY_LOCAL_MACHINE\\"
WINDOWS_NT = HKLM + r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
WINLOGON = WINDOWS_NT + r"\Winlogon"
LSA = HKLM + r"SYSTEM\CurrentControlSet\Control\Lsa"
SERVER = HKLM + r"SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
DRIVER = HKLM + r"SYSTEM\CurrentControlSet\Services\mrxsmb10"
ENROLMENTS = HKLM + r"SOFTWARE\Microsoft\Enrollments"
ACCOUNTS = HKLM + r"SOFTWARE\Microsoft\Provisioning\OMADM\Accounts"
JOIN = HKLM + r"SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo"
REGISTERED = r"Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo"
GUID = "{0A1B2C3D-1111-4222-8333-444455556666}"

Keys = Mapping[str, Mapping[str, RegistryData] | RegistryKey | Unread]


def logon(keys: Keys, users: tuple[LocalUser, ...] | Unread = ()) -> dict[object, TableRow]:
    host = a_windows_device(WrittenWindows(keys=keys, users=users))
    return {row["method"]: row for row in rows_of(vigie_win_logon.tables(host), "vigie_win_logon")}


# --- Logon ----------------------------------------------------------------------------------------


def test_the_password_of_an_automatic_logon_is_told_to_be_there_and_never_told() -> None:
    values = {"AutoAdminLogon": "1", "DefaultUserName": "accueil", "DefaultPassword": "s3cret"}

    row = logon({WINLOGON: values})["winlogon"]

    assert (row["enabled"], row["account"], row["password_stored"]) == (1, "accueil", 1)
    assert "s3cret" not in str(row)


def test_the_last_user_of_a_device_is_not_told_while_nothing_opens_by_itself() -> None:
    row = logon({WINLOGON: {"AutoAdminLogon": "0", "DefaultUserName": "c.martin"}})["winlogon"]

    assert (row["enabled"], row["account"], row["password_stored"]) == (0, "", 0)


@pytest.mark.parametrize(
    ("values", "enabled"),
    [({"AutoAdminLogon": 1}, 1), ({"autoadminlogon": "1\0"}, 1), ({"AutoAdminLogon": ""}, 0),
     ({"Shell": "explorer.exe", "AutoAdminLogon": b"\x01"}, 0), ({}, 0)],
)  # fmt: skip
def test_the_switch_of_automatic_logon_is_read_as_programs_write_it(
    values: Mapping[str, RegistryData], enabled: int
) -> None:
    assert logon({WINLOGON: values})["winlogon"]["enabled"] == enabled


def test_settings_of_logon_that_stay_closed_are_no_absence() -> None:
    row = logon({WINLOGON: DENIED})["winlogon"]

    assert (row["collected"], row["why"]) == (
        "no",
        "the settings of logon: needs elevated rights",
    )


def test_the_guest_account_is_known_by_its_number_whatever_its_name() -> None:
    marie = LocalUser("marie", "S-1-5-21-1-2-3-1501", flags=0x201)
    guest = LocalUser("Invité", "S-1-5-21-1-2-3-501", flags=0x223)
    renamed = LocalUser("visiteur", "S-1-5-21-1-2-3-501", flags=0x221)

    assert logon({}, (marie, guest))["guest account"]["enabled"] == 0
    assert logon({}, (marie, renamed))["guest account"]["enabled"] == 1
    assert logon({}, DENIED)["guest account"]["collected"] == "no"


def test_what_is_not_set_is_windows_own_default() -> None:
    rows = logon(
        {LSA: {"everyoneincludesanonymous": 1, "restrictanonymous": 1}, SERVER: {"Size": 1}}
    )

    assert {
        method: (row["enabled"], row["origin"])
        for method, row in rows.items()
        if row["part"] == "anonymous"
    } == {
        "EveryoneIncludesAnonymous": (1, "registry"),
        "RestrictNullSessAccess": (0, "default"),
        "RestrictAnonymousSAM": (0, "default"),
        "RestrictAnonymous": (0, "registry"),
    }


def test_a_setting_of_network_access_that_stays_closed_is_not_told_as_its_default() -> None:
    rows = logon({LSA: {"restrictanonymous": 0}, SERVER: DENIED})

    assert rows["RestrictNullSessAccess"]["collected"] == "no"
    assert rows["RestrictAnonymous"]["enabled"] == 1


# --- SMBv1 ----------------------------------------------------------------------------------------


def smb1(
    keys: Keys,
    server: tuple[WmiRow, ...] | Unread = DENIED,
    features: tuple[WmiRow, ...] | Unread = NO_NAMESPACE,
) -> dict[object, tuple[object, object]]:
    objects = {"MSFT_SmbServerConfiguration": server, "Win32_OptionalFeature": features}
    windows = WrittenWindows(keys=keys, objects=objects)
    rows = rows_of(vigie_win_smb1.tables(a_windows_device(windows)), "vigie_win_smb1")
    return {row["side"]: (row["collected"], row.get("enabled")) for row in rows}


def test_the_server_says_itself_whether_it_speaks_smb1() -> None:
    assert smb1({}, ({"EnableSMB1Protocol": True},))["server"] == ("yes", 1)
    assert smb1({SERVER: {"SMB1": 1}}, ({"EnableSMB1Protocol": False},))["server"] == ("yes", 0)


@pytest.mark.parametrize("server", [DENIED, NO_NAMESPACE, (), ({"EnableSMB1Protocol": None},)])
def test_without_word_or_feature_the_registry_proves_an_off_and_never_an_on(
    server: tuple[WmiRow, ...] | Unread,
) -> None:
    assert smb1({SERVER: {"SMB1": 0}}, server)["server"] == ("yes", 0)
    assert smb1({SERVER: {"SMB1": 1}}, server)["server"] == ("no", None)
    assert smb1({}, server)["server"] == ("no", None)


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ([("SMB1Protocol", 1), ("SMB1Protocol-Server", 1)], ("yes", 1)),
        ([("SMB1Protocol", 1), ("SMB1Protocol-Server", 2)], ("yes", 0)),
        ([("SMB1Protocol", 1)], ("yes", 1)),
        ([("SMB1Protocol", 2)], ("yes", 0)),
        ([("SMB1Protocol", 4)], ("no", None)),
        ([], ("yes", 0)),
    ],
)
def test_without_the_servers_word_the_feature_tells(
    features: list[tuple[str, int]], told: tuple[str, int | None]
) -> None:
    rows: tuple[WmiRow, ...] = tuple(
        {"Name": name, "InstallState": state} for name, state in features
    )

    assert smb1({SERVER: {"SMB1": 1}}, DENIED, rows)["server"] == told
    assert smb1({SERVER: {"SMB1": 0}}, DENIED, rows)["server"] == ("yes", 0)


def test_the_client_of_smb1_is_off_when_its_driver_is_disabled_or_gone() -> None:
    assert smb1({})["client"] == ("yes", 0)
    assert smb1({DRIVER: {"Start": 4}})["client"] == ("yes", 0)
    assert smb1({DRIVER: {"Start": 2}})["client"] == ("yes", 1)
    assert smb1({DRIVER: {"Type": 2}})["client"] == ("no", None)
    assert smb1({DRIVER: DENIED})["client"] == ("no", None)


def test_a_server_edition_is_told_to_be_one() -> None:
    windows = WrittenWindows(keys={WINDOWS_NT: {"InstallationType": "Server Core"}})

    rows = rows_of(vigie_win_smb1.tables(a_windows_device(windows)), "vigie_win_smb1")

    assert {row["installation_type"] for row in rows} == {"Server Core"}


# --- Management -----------------------------------------------------------------------------------


def managed(
    keys: Keys | None = None, system: tuple[WmiRow, ...] | Unread = DENIED
) -> list[TableRow]:
    windows = WrittenWindows(keys=keys or {}, objects={"Win32_ComputerSystem": system})
    host = a_windows_device(windows)
    return rows_of(vigie_win_management.tables(host), "vigie_win_management")


def of_kind(rows: list[TableRow], kind: str) -> list[tuple[object, object, object]]:
    return [
        (row["collected"], row.get("name", ""), row.get("managed"))
        for row in rows
        if row["kind"] == kind
    ]


@pytest.mark.parametrize(
    ("system", "told"),
    [
        (({"PartOfDomain": True, "Domain": "ESSMS.example"},), ("yes", "essms.example", 1)),
        (({"PartOfDomain": False, "Domain": "WORKGROUP"},), ("yes", "", 0)),
        (({"PartOfDomain": None, "Domain": None},), ("no", "", None)),
        ((), ("no", "", None)),
        (DENIED, ("no", "", None)),
    ],
)
def test_windows_itself_says_whether_it_is_member_of_a_domain(
    system: tuple[WmiRow, ...] | Unread, told: tuple[object, ...]
) -> None:
    assert of_kind(managed(system=system), "active_directory") == [told]


def test_a_device_that_joined_entra_has_a_tenant() -> None:
    joined = {JOIN + r"\9C2F": {"TenantId": "5D1E7A00-AB", "UserEmail": "marie@example.org"}}

    rows = managed(joined)

    assert of_kind(rows, "entra") == [("yes", "5d1e7a00-ab", 1)]
    assert "marie" not in str(rows)
    assert of_kind(managed(), "entra") == [("yes", "", 0)]
    assert of_kind(managed({JOIN: DENIED}), "entra") == [("no", "", None)]


def test_a_person_who_registered_the_device_does_not_make_it_managed() -> None:
    hive = r"HKEY_USERS\S-1-12-1-4-5-6-7"

    rows = managed(
        {
            rf"{hive}\{REGISTERED}\AB12": {"TenantId": "0000-TENANT", "UserEmail": "m@example.org"},
            rf"{hive}_Classes\{REGISTERED}\AB12": {"TenantId": "1111-OTHER"},
        }
    )

    assert of_kind(rows, "entra_registration") == [("yes", "0000-tenant", 0)]
    assert of_kind(rows, "entra") == [("yes", "", 0)]
    assert "example.org" not in str(rows)


def enrolment(provider: RegistryData, state: RegistryData = 1) -> Keys:
    return {rf"{ENROLMENTS}\{GUID}": {"ProviderID": provider, "EnrollmentState": state}}


def test_an_enrolment_in_force_has_an_account() -> None:
    rows = managed({**enrolment("MS DM Server"), rf"{ACCOUNTS}\{GUID.lower()}": {}})

    assert of_kind(rows, "mdm") == [("yes", "MS DM Server", 1)]


def test_what_an_old_enrolment_left_behind_manages_nothing() -> None:
    rows = managed({**enrolment("MS DM Server"), rf"{ACCOUNTS}\{{OTHER}}": {}})

    assert of_kind(rows, "mdm") == [("yes", "MS DM Server", 0)]


@pytest.mark.parametrize(
    "keys",
    [
        enrolment("MS DM Server", state=0),
        enrolment("MS DM Server", state=None),
        enrolment(""),
        enrolment("Local_Management"),
        enrolment("WMI_Bridge_Server"),
        {rf"{ENROLMENTS}\Context": {"Version": 1}},
        {},
    ],
)
def test_windows_own_enrolments_and_those_that_ended_are_none(keys: Keys) -> None:
    assert of_kind(managed({**keys, rf"{ACCOUNTS}\{GUID}": {}}), "mdm") == [("yes", "", 0)]


@pytest.mark.parametrize("closed", [ENROLMENTS, ACCOUNTS, rf"{ENROLMENTS}\{GUID}"])
def test_enrolments_that_stay_closed_are_no_absence(closed: str) -> None:
    rows = managed({**enrolment("MS DM Server"), closed: DENIED})

    assert of_kind(rows, "mdm") == [("no", "", None)]
