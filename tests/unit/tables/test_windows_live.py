"""The reader of a live Windows, run on stand-ins for pywin32 and winreg.

They behave as pywin32's own sources and documentation say; what Windows really answers there is not
proved here.
"""

import ctypes
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final, Self
from uuid import UUID

import pytest

from vigie_agent.tables import windows_system
from vigie_agent.tables.windows_system import (
    AccountRules,
    GroupMember,
    InstalledUpdate,
    LocalUser,
    OpenSession,
    Reason,
    RegistryKey,
    Unread,
    UpdateHistory,
    WindowsSystem,
)

SOURCE: Final = Path(windows_system.__file__).with_name("windows_live.py")
MACHINE: Final = "S-1-5-21-1-2-3"
HKLM: Final = 0x80000002


class ComError(Exception):
    """pywin32's com_error: number, text, details, argument."""


class WinError(Exception):
    """pywin32's error."""

    def __init__(self, winerror: int) -> None:
        super().__init__(winerror, "NetUserEnum", "Accès refusé.")
        self.winerror = winerror


class Wbem:
    """WMI's scripting objects: what was asked, and what they answer."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.objects: list[Any] = []
        self.security = SimpleNamespace()
        self.context: dict[str, str] = {}
        self.fails: Exception | None = None

    def dispatch(self, name: str) -> Any:
        match name:
            case "WbemScripting.SWbemLocator":
                return SimpleNamespace(ConnectServer=self._connect)
            case "WbemScripting.SWbemNamedValueSet":
                return SimpleNamespace(Add=self.context.__setitem__)
            case "Microsoft.Update.Session":
                return SimpleNamespace(CreateUpdateSearcher=lambda: self.searcher)
            case "Microsoft.Update.AutoUpdate":
                return SimpleNamespace(Results=SimpleNamespace(LastSearchSuccessDate=self.searched))
            case _:
                raise AssertionError(name)

    searcher: Any = None
    searched: datetime | None = None

    def _connect(self, *arguments: object) -> Any:
        self.asked.append(arguments)
        if self.fails:
            raise self.fails
        return SimpleNamespace(Security_=self.security, ExecQuery=self._query)

    def _query(self, *arguments: object) -> Iterator[Any]:
        self.asked.append(arguments)
        return iter(self.objects)


def an_object(
    properties: Mapping[str, object], methods: Mapping[str, Mapping[str, object] | Exception] = {}
) -> Any:
    def run(name: str) -> Any:
        answer = methods[name]
        if isinstance(answer, Exception):
            raise answer
        return an_object(answer)

    return SimpleNamespace(
        Properties_=[SimpleNamespace(Name=name, Value=value) for name, value in properties.items()],
        ExecMethod_=run,
    )


class Stage:
    """The stand-ins, and the reader that was loaded upon them."""

    def __init__(self) -> None:
        self.wbem = Wbem()
        self.net: dict[str, Callable[..., Any]] = {}
        self.station: dict[str, Callable[..., Any]] = {}
        self.tokens: dict[int, Any] = {}
        self.initialised = 0
        self.windows: WindowsSystem

    def modules(self) -> dict[str, ModuleType]:
        def module(name: str, **attributes: object) -> ModuleType:
            made = ModuleType(name)
            made.__dict__.update(attributes)
            return made

        def com(step: int) -> Callable[..., None]:
            def count(*_: object) -> None:
                self.initialised += step

            return count

        dynamic = module("win32com.client.dynamic", Dispatch=self.wbem.dispatch)
        client = module("win32com.client", dynamic=dynamic)
        return {
            "winreg": module("winreg", **registry()),
            "pythoncom": module(
                "pythoncom",
                CoInitializeEx=com(1),
                CoUninitialize=com(-1),
                COINIT_MULTITHREADED=0,
            ),
            "pywintypes": module("pywintypes", com_error=ComError, error=WinError),
            "win32com": module("win32com", client=client),
            "win32com.client": client,
            "win32com.client.dynamic": dynamic,
            "win32net": module("win32net", **{name: self._net(name) for name in NET}),
            "win32netcon": module("win32netcon", FILTER_NORMAL_ACCOUNT=2),
            "win32security": module(
                "win32security",
                ConvertSidToStringSid=str,
                ConvertStringSidToSid=str,
                LookupAccountSid=self._net("LookupAccountSid"),
                LookupAccountName=self._net("LookupAccountName"),
                GetTokenInformation=lambda token, kind: token.told[kind],
                TokenUser="user",
                TokenGroups="groups",
            ),
            "win32timezone": module("win32timezone"),
            "win32ts": module(
                "win32ts",
                WTS_CURRENT_SERVER_HANDLE=0,
                WTSUserName="name",
                WTSDomainName="domain",
                WTSClientProtocolType="protocol",
                **{name: self._station(name) for name in STATION},
            ),
        }

    def _net(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self.net[name](*arguments)  # noqa: PLW0108 (set later)

    def _station(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self.station[name](*arguments)  # noqa: PLW0108 (set later)


NET: Final = ("NetUserEnum", "NetUserModalsGet", "NetLocalGroupGetMembers")
STATION: Final = ("WTSEnumerateSessions", "WTSQuerySessionInformation", "WTSQueryUserToken")


def registry() -> Mapping[str, object]:
    """A registry of one key with an empty value in its middle, and one that is closed."""
    values = [("Start", 4, 4), ("Empty", b"", 3), ("Names", ["a", "b"], 7), ("None", None, 0)]

    class Opened:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    def open_key(root: int, path: str, reserved: int, access: int) -> Opened:
        assert (root, reserved, access) == (HKLM, 0, 0x20119)
        if path != "A\\B":
            error = OSError(5, "Accès refusé") if path == "Closed" else OSError(2, "introuvable")
            error.winerror = error.errno or 0  # type: ignore[attr-defined,unused-ignore]
            raise error
        return Opened()

    return {
        "HKEY_LOCAL_MACHINE": HKLM,
        "HKEY_USERS": 0x80000003,
        "KEY_READ": 0x20019,
        "KEY_WOW64_64KEY": 0x100,
        "REG_MULTI_SZ": 7,
        "HKEYType": Opened,
        "OpenKey": open_key,
        "QueryInfoKey": lambda _: (1, len(values), 134_396_352_000_000_000),
        "EnumValue": lambda _, number: values[number],
        "EnumKey": lambda _, number: ["Below"][number],
    }


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The reader, loaded as on Windows."""
    stage = Stage()
    for name, module in stage.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("windows_live_on_stand_ins", SOURCE)
    assert spec
    assert spec.loader
    loaded: Any = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        spec.loader.exec_module(loaded)
    stage.windows = loaded.LiveWindows()
    return stage


def test_wmi_gives_plain_values_and_asks_methods_of_each_object(stage: Stage) -> None:
    failed = ComError(-2147352567, "Exception", (0, "", "", "", 0, -2147217405), None)
    stage.wbem.objects = [
        an_object(
            {"Name": "C:", "Sizes": (1, 2), "Nested": object()},
            {"GetLock": {"ReturnValue": 0, "Lock": 1}, "GetKey": failed},
        )
    ]

    rows = stage.windows.wmi(
        "root\\X", "SELECT Name FROM Y", methods=("GetLock", "GetKey"), context={"Store": "Active"}
    )

    assert rows == [
        {
            "Name": "C:",
            "Sizes": (1, 2),
            "Nested": None,
            "GetLock.ReturnValue": 0,
            "GetLock.Lock": 1,
            "GetKey.ReturnValue": 0x8004_1003,
        }
    ]
    connected, asked = stage.wbem.asked
    assert connected == (".", "root\\X", "", "", "", "", 0x80)
    assert asked[:2] == ("SELECT Name FROM Y", "WQL")
    assert stage.wbem.context == {"Store": "Active"}
    assert vars(stage.wbem.security) == {"ImpersonationLevel": 3, "AuthenticationLevel": 6}
    assert stage.initialised == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ComError(-2147217394, "OLE error", None, None), Reason.NO_NAMESPACE),
        (ComError(-2147352567, "x", (0, "", "", "", 0, -2147217392), None), Reason.NO_CLASS),
        (ComError(-2147352567, "x", (0, "", "", "", 0, 0), None), Reason.FAILED),
    ],
)
def test_an_error_of_wmi_is_a_reason_and_com_is_left(
    stage: Stage, error: ComError, reason: Reason
) -> None:
    stage.wbem.fails = error

    answer = stage.windows.wmi("root\\X", "SELECT Name FROM Y")

    assert isinstance(answer, Unread)
    assert answer.reason is reason
    assert stage.initialised == 0


def test_more_objects_than_are_read_are_told(stage: Stage) -> None:
    stage.wbem.objects = [an_object({"Name": "x"})] * 1_001

    assert stage.windows.wmi("root\\X", "SELECT Name FROM Y") == Unread(Reason.TOO_LONG)


def test_a_method_that_may_change_the_device_is_refused(stage: Stage) -> None:
    stage.wbem.objects = [an_object({"Name": "C:"}, {"Lock": {"ReturnValue": 0}})]

    with pytest.raises(ValueError, match="may change"):
        stage.windows.wmi("root\\X", "SELECT Name FROM Y", methods=("Lock",))


def test_the_registry_goes_on_after_an_empty_value(stage: Stage) -> None:
    key = stage.windows.registry("HKEY_LOCAL_MACHINE\\A\\B")

    assert key == RegistryKey(
        {"Start": 4, "Empty": b"", "Names": ("a", "b"), "None": None}, ("Below",), 1795161600
    )


@pytest.mark.parametrize(("path", "reason"), [("Closed", Reason.DENIED), ("Z", Reason.ABSENT)])
def test_a_closed_key_is_not_an_absent_one(stage: Stage, path: str, reason: Reason) -> None:
    answer = stage.windows.registry(f"HKEY_LOCAL_MACHINE\\{path}")

    assert isinstance(answer, Unread)
    assert answer.reason is reason


def a_user(name: str, number: int, **differences: object) -> dict[str, object]:
    return {
        "name": name,
        "user_id": number,
        "flags": 513,
        "last_logon": 0,
        "password_age": 60,
        "acct_expires": -1,
    } | differences


def test_accounts_come_page_by_page_with_their_identifiers(stage: Stage) -> None:
    pages: dict[int, Sequence[dict[str, object]]] = {
        0: [a_user("Administrateur", 500)],
        7: [a_user("marie", 1001, acct_expires=1795161600, last_logon=5)],
    }
    stage.net["NetUserModalsGet"] = lambda _, level: {2: {"domain_id": MACHINE}}[level]
    stage.net["NetUserEnum"] = lambda _, _level, _kind, resume: (
        pages[resume],
        2,
        7 if resume == 0 else 0,
    )

    assert stage.windows.net_users() == [
        LocalUser("Administrateur", f"{MACHINE}-500", 513, 0, 60, None),
        LocalUser("marie", f"{MACHINE}-1001", 513, 5, 60, 1795161600),
    ]


def test_a_refusal_of_the_network_api_is_a_reason(stage: Stage) -> None:
    def refuse(*_: object) -> None:
        raise WinError(5)

    stage.net = dict.fromkeys((*NET, "LookupAccountSid"), refuse)
    stage.station["WTSEnumerateSessions"] = refuse

    denied = Unread(Reason.DENIED, 5)
    assert stage.windows.net_users() == denied
    assert stage.windows.net_local_group_members("S-1-5-32-544") == denied
    assert stage.windows.account_rules() == denied
    assert stage.windows.account_name("S-1-5-18") == denied
    assert stage.windows.sessions() == denied


def test_the_administrators_are_found_by_their_identifier_in_any_language(stage: Stage) -> None:
    stage.net["LookupAccountSid"] = lambda _, sid: {
        "S-1-5-32-544": ("Administrateurs", "BUILTIN", 4)
    }[sid]
    stage.net["NetLocalGroupGetMembers"] = lambda _, group, level, resume: (
        [{"sid": f"{MACHINE}-500", "domainandname": None, "sidusage": 8}]
        if (group, level, resume) == ("Administrateurs", 2, 0)
        else [],
        1,
        0,
    )

    assert stage.windows.net_local_group_members("S-1-5-32-544") == [
        GroupMember(f"{MACHINE}-500", "", 8)
    ]
    assert stage.windows.account_name("S-1-5-32-544") == "BUILTIN\\Administrateurs"


def test_away_from_the_domain_members_are_told_by_number_and_nothing_else_waits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(_call: object, _timeout: object) -> Unread:
        return Unread(Reason.TIMED_OUT)

    monkeypatch.setattr(stage.windows, "_names", no_answer)
    stage.net["LookupAccountSid"] = lambda _, _sid: ("Administrateurs", "BUILTIN", 4)
    stage.net["NetLocalGroupGetMembers"] = lambda _, _group, level, _resume: (
        [{"sid": "S-1-5-21-9-8-7-512"}] if level == 0 else [],
        1,
        0,
    )

    assert stage.windows.net_local_group_members("S-1-5-32-544") == [
        GroupMember("S-1-5-21-9-8-7-512", "", 8)
    ]
    assert stage.windows.account_name("S-1-5-21-9-8-7-1104") == Unread(Reason.TIMED_OUT)


def test_the_rules_of_accounts_are_read_and_never_is_none(stage: Stage) -> None:
    levels = {
        0: {
            "min_passwd_len": 12,
            "max_passwd_age": -1,
            "min_passwd_age": 0,
            "password_hist_len": 5,
        },
        3: {"lockout_threshold": 5, "lockout_duration": -1, "lockout_observation_window": 900},
    }
    stage.net["NetUserModalsGet"] = lambda _, level: levels[level]

    assert stage.windows.account_rules() == AccountRules(12, None, 0, 5, 5, None, 900)


def test_sessions_are_those_of_people_with_the_groups_of_their_token(stage: Stage) -> None:
    told = {
        (1, "name"): "marie", (1, "domain"): "PC", (1, "protocol"): 0,
        (2, "name"): "paul", (2, "domain"): "ESSMS", (2, "protocol"): 2,
        (3, "name"): "", (3, "domain"): "", (3, "protocol"): 0,
    }  # fmt: skip
    closed: list[int] = []
    token = SimpleNamespace(
        told={"user": (f"{MACHINE}-1001", 0), "groups": [("S-1-5-32-544", 16)]},
        Close=lambda: closed.append(1),
    )

    def query_token(number: int) -> Any:
        if number != 1:
            raise WinError(1314)
        return token

    stage.net["LookupAccountName"] = lambda _, account: {
        "ESSMS\\paul": ("S-1-5-21-9-9-9-7", "", 1)
    }[account]
    stage.station = {
        "WTSEnumerateSessions": lambda _: [
            {"SessionId": number, "State": state, "WinStationName": ""}
            for number, state in ((0, 4), (1, 0), (2, 4), (3, 0), (9, 6))
            if number
        ],
        "WTSQuerySessionInformation": lambda _, number, kind: told[number, kind],
        "WTSQueryUserToken": query_token,
    }

    assert stage.windows.sessions() == [
        OpenSession("PC\\marie", f"{MACHINE}-1001", False, frozenset({"S-1-5-32-544"})),
        OpenSession("ESSMS\\paul", "S-1-5-21-9-9-9-7", True, None),
    ]
    assert closed == [1]


def test_one_damaged_line_of_the_history_does_not_hide_the_others(stage: Stage) -> None:
    class Damaged:
        @property
        def Date(self) -> object:  # noqa: N802 (COM's name)
            raise ComError(-1, "x", None, None)

    moment = datetime(2026, 11, 20, 8, tzinfo=UTC)
    good = SimpleNamespace(Title="KB1", Date=moment, Operation=1, ResultCode=2)
    unset = SimpleNamespace(Title="KB2", Date=None, Operation=1, ResultCode=2)
    stage.wbem.searched = moment
    stage.wbem.searcher = SimpleNamespace(
        GetTotalHistoryCount=lambda: 3, QueryHistory=lambda _start, _count: [Damaged(), unset, good]
    )

    assert stage.windows.update_history() == UpdateHistory(
        (InstalledUpdate("KB1", 1795161600, 1, 2),), 1795161600
    )


def test_an_empty_history_is_not_asked_for_its_lines(stage: Stage) -> None:
    stage.wbem.searcher = SimpleNamespace(GetTotalHistoryCount=lambda: 0)

    assert stage.windows.update_history() == UpdateHistory()


class AuditLibrary:
    """advapi32 as far as it tells the audit policy: 36 bytes for each number that is asked."""

    def __init__(self, noted: Mapping[str, int]) -> None:
        self._noted = noted
        self._memory: Any = None
        self.freed = False
        # A plain function: its result type is set on it, which a method refuses.
        self.AuditQuerySystemPolicy = lambda *arguments: self._query(*arguments)  # noqa: PLW0108
        self.AuditFree = self._free

    def _query(self, asked: bytes, count: int, found: Any) -> int:
        if not self._noted:
            return 0
        numbers = [asked[n * 16 : n * 16 + 16] for n in range(count)]
        told = [self._noted.get(str(UUID(bytes_le=number)), 0) for number in numbers]
        entries = [
            number + noted.to_bytes(4, "little") + bytes(16)
            for number, noted in zip(numbers, told, strict=True)
        ]
        self._memory = ctypes.create_string_buffer(b"".join(entries))
        address = ctypes.cast(found, ctypes.POINTER(ctypes.c_void_p))
        address[0] = ctypes.addressof(self._memory)
        return 1

    def _free(self, _pointer: Any) -> None:
        self.freed = True


LOGON: Final = "0cce9215-69ae-11d9-bed3-505054503030"
LOGOFF: Final = "0cce9216-69ae-11d9-bed3-505054503030"


def _on(library: AuditLibrary, monkeypatch: pytest.MonkeyPatch, *, error: int = 0) -> None:
    monkeypatch.setattr(ctypes, "WinDLL", lambda _name, **_kwargs: library, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: error, raising=False)


def test_the_audit_policy_is_asked_by_number_and_its_memory_given_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = AuditLibrary({LOGON: 3, LOGOFF: 1})
    _on(library, monkeypatch)

    told = stage.windows.audit_policy([LOGOFF, LOGON])

    assert (told, library.freed) == ([1, 3], True)


def test_an_audit_policy_that_may_not_be_asked_is_a_reason(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _on(AuditLibrary({}), monkeypatch, error=1314)

    assert stage.windows.audit_policy([LOGON]) == Unread(Reason.DENIED, 1314)
