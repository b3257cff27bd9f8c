"""The device itself, looked at through pywin32 and winreg; follows their documentation.

Only run against stand-ins so far, never on a live Windows. So the reading is kept thin, and what is
made of it is tested apart.

WMI may hang below us (a provider that waits for a dead service), so each question runs in a thread
of its own that is left behind when its time is up; too many left behind, and no more are started.
"""

import sys

if sys.platform == "win32":
    import ctypes
    import winreg
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from typing import Any, ClassVar, Final, NamedTuple, TypeVar
    from uuid import UUID

    import pythoncom
    import pywintypes
    import win32com.client.dynamic
    import win32net
    import win32netcon
    import win32security
    import win32timezone  # noqa: F401 (pywin32 asks for it by name once it meets a date)
    import win32ts

    from vigie_agent.tables.bounded_call import BoundedCalls
    from vigie_agent.tables.windows_codes import filetime, reason_of, unix_or_never
    from vigie_agent.tables.windows_system import (
        MAX_WMI_ROWS,
        WMI_TIMEOUT,
        AccountRules,
        GroupMember,
        InstalledUpdate,
        LocalUser,
        OpenSession,
        Reason,
        RegistryData,
        RegistryKey,
        Unread,
        UpdateHistory,
        WmiRow,
        WmiValue,
    )

    T = TypeVar("T")

    _IMPERSONATE: Final = 3
    _PACKET_PRIVACY: Final = 6  # BitLocker's namespace accepts no less
    _FORWARD_ONLY: Final = 0x20 | 0x10  # and return at once
    _AT_MOST_TWO_MINUTES: Final = 0x80
    _MAX_VALUES: Final = 50_000  # the servicing stack keeps thousands of packages
    _HERE: Final[Any] = None  # no server's name: this device (the stubs ask for text)
    _NAME_TIMEOUT: Final = timedelta(seconds=2)
    _NAMED: Final = 2  # levels of NetLocalGroupGetMembers
    _NUMBERS_ONLY: Final = 0
    _UNKNOWN_KIND: Final = 8
    _MAX_UPDATES: Final = 200
    _UPDATE_TIMEOUT: Final = timedelta(seconds=20)
    _OPEN: Final = (0, 4)  # connected to a screen, or left open
    _ROOTS: Final = {
        "HKEY_LOCAL_MACHINE": winreg.HKEY_LOCAL_MACHINE,
        "HKEY_USERS": winreg.HKEY_USERS,
    }

    class LiveWindows:
        """The device that this process runs on."""

        def __init__(self) -> None:
            self._calls = BoundedCalls("windows-call")
            # Names of a domain that is out of reach hang for long: they hold up nothing else.
            self._names = BoundedCalls("windows-names")

        def wmi(
            self,
            namespace: str,
            wql: str,
            *,
            methods: Sequence[str] = (),
            context: Mapping[str, str] | None = None,
            timeout: timedelta = WMI_TIMEOUT,
        ) -> Sequence[WmiRow] | Unread:
            question = _Question(namespace, wql, tuple(methods), dict(context or {}))
            return self._calls(lambda: _with_com(lambda: _select(question)), timeout)

        def registry(self, key: str) -> RegistryKey | Unread:
            root, _, path = key.partition("\\")
            access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
            try:
                with winreg.OpenKey(_ROOTS[root], path, 0, access) as opened:
                    subkeys, values, changed = winreg.QueryInfoKey(opened)
                    if subkeys + values > _MAX_VALUES:
                        return Unread(Reason.TOO_LONG)
                    return RegistryKey(
                        dict(_values(opened, values)),
                        tuple(_subkeys(opened, subkeys)),
                        filetime(changed),
                    )
            except OSError as error:
                code = error.winerror or 0
                return Unread(reason_of(code), code)

        def net_users(self) -> Sequence[LocalUser] | Unread:
            return self._calls(_net_users, WMI_TIMEOUT)

        def net_local_group_members(self, sid: str) -> Sequence[GroupMember] | Unread:
            named = self._names(lambda: _members(sid, _NAMED), WMI_TIMEOUT)
            if not isinstance(named, Unread) or named.reason is not Reason.TIMED_OUT:
                return named
            # Away from its domain, Windows looks long for names; who they are needs none.
            return self._calls(lambda: _members(sid, _NUMBERS_ONLY), _NAME_TIMEOUT)

        def account_name(self, sid: str) -> str | Unread:
            return self._names(lambda: _account_name(sid), _NAME_TIMEOUT)

        def sessions(self) -> Sequence[OpenSession] | Unread:
            return self._calls(_sessions, WMI_TIMEOUT)

        def update_history(self) -> UpdateHistory | Unread:
            return self._calls(lambda: _with_com(_update_history), _UPDATE_TIMEOUT)

        def audit_policy(self, subcategories: Sequence[str]) -> Sequence[int] | Unread:
            return self._calls(lambda: _audit_policy(subcategories), WMI_TIMEOUT)

        def account_rules(self) -> AccountRules | Unread:
            return self._calls(_account_rules, WMI_TIMEOUT)

    class _Question(NamedTuple):
        namespace: str
        wql: str
        methods: tuple[str, ...]
        context: Mapping[str, str]

    def _with_com(ask: Callable[[], T | Unread]) -> T | Unread:
        """What `ask` says in a thread that may use COM; an error of COM becomes its reason."""
        pythoncom.CoInitializeEx(pythoncom.COINIT_MULTITHREADED)
        try:
            return ask()
        except pywintypes.com_error as error:
            return _unread(error)
        finally:
            pythoncom.CoUninitialize()

    def _select(question: _Question) -> Sequence[WmiRow] | Unread:
        locator = win32com.client.dynamic.Dispatch("WbemScripting.SWbemLocator")
        # Left out at the end, not None: that would be VT_NULL, which is no object.
        service = locator.ConnectServer(
            ".", question.namespace, "", "", "", "", _AT_MOST_TWO_MINUTES
        )
        service.Security_.ImpersonationLevel = _IMPERSONATE
        service.Security_.AuthenticationLevel = _PACKET_PRIVACY
        context = win32com.client.dynamic.Dispatch("WbemScripting.SWbemNamedValueSet")
        for name, value in question.context.items():
            context.Add(name, value)
        rows: list[WmiRow] = []
        for found in service.ExecQuery(question.wql, "WQL", _FORWARD_ONLY, context):
            if len(rows) == MAX_WMI_ROWS:
                return Unread(Reason.TOO_LONG)
            row = dict(_properties(found))
            for method in question.methods:
                row |= _asked(found, method)
            rows.append(row)
        return rows

    def _properties(found: Any) -> Iterator[tuple[str, WmiValue]]:
        for one in found.Properties_:
            yield str(one.Name), _plain(one.Value)

    def _asked(found: Any, method: str) -> Mapping[str, WmiValue]:
        """What a method that only tells gives back; its failure is a number among its results."""
        if not method.startswith("Get"):
            raise ValueError(f"{method} may change the device")
        try:
            answer = found.ExecMethod_(method)
        except pywintypes.com_error as error:
            return {f"{method}.ReturnValue": _unread(error).code or -1}
        return {f"{method}.{name}": value for name, value in _properties(answer)}

    def _plain(value: object) -> WmiValue:
        if isinstance(value, tuple | list):
            return tuple(one for one in value if isinstance(one, str | int | float | bool))
        return value if isinstance(value, str | int | float | bool) else None

    def _unread(error: pywintypes.com_error) -> Unread:
        """The error's own number; the one that stands inside says more than "exception"."""
        outer, _, inside, *_ = error.args
        code = (inside[5] if inside and inside[5] else outer) & 0xFFFF_FFFF
        return Unread(reason_of(code), code)

    def _values(key: winreg.HKEYType, count: int) -> Iterator[tuple[str, RegistryData]]:
        for number in range(count):
            name, data, kind = winreg.EnumValue(key, number)
            if kind == winreg.REG_MULTI_SZ:
                yield name, tuple(data or ())
            else:
                yield name, data if isinstance(data, str | int | bytes) else None

    def _subkeys(key: winreg.HKEYType, count: int) -> Iterator[str]:
        for number in range(count):
            yield winreg.EnumKey(key, number)

    def _net_users() -> Sequence[LocalUser] | Unread:
        try:
            domain = win32security.ConvertSidToStringSid(
                win32net.NetUserModalsGet(_HERE, 2)["domain_id"]
            )
            rows = _all(
                lambda resume: win32net.NetUserEnum(
                    None, 3, win32netcon.FILTER_NORMAL_ACCOUNT, resume
                )
            )
        except pywintypes.error as error:
            return Unread(reason_of(error.winerror), error.winerror)
        return [
            LocalUser(
                name=row["name"],
                sid=f"{domain}-{row['user_id'] & 0xFFFF_FFFF}",
                flags=row["flags"],
                last_logon=row["last_logon"],
                password_age=row["password_age"],
                expires=unix_or_never(row["acct_expires"]),
            )
            for row in rows
        ]

    def _members(sid: str, level: int) -> Sequence[GroupMember] | Unread:
        try:
            wanted = win32security.ConvertStringSidToSid(sid)
            name, _, _ = win32security.LookupAccountSid(None, wanted)
            rows = _all(lambda resume: win32net.NetLocalGroupGetMembers(None, name, level, resume))
        except pywintypes.error as error:
            return Unread(reason_of(error.winerror), error.winerror)
        return [
            GroupMember(
                sid=win32security.ConvertSidToStringSid(row["sid"]),
                name=row.get("domainandname") or "",
                kind=row.get("sidusage", _UNKNOWN_KIND),
            )
            for row in rows
        ]

    def _account_name(sid: str) -> str | Unread:
        try:
            wanted = win32security.ConvertStringSidToSid(sid)
            name, domain, _ = win32security.LookupAccountSid(None, wanted)
        except pywintypes.error as error:
            return Unread(reason_of(error.winerror), error.winerror)
        return f"{domain}\\{name}"

    def _sessions() -> Sequence[OpenSession] | Unread:
        here = win32ts.WTS_CURRENT_SERVER_HANDLE
        try:
            stations = win32ts.WTSEnumerateSessions(here)
        except pywintypes.error as error:
            return Unread(reason_of(error.winerror), error.winerror)
        opened = (
            _session(here, int(one["SessionId"])) for one in stations if one["State"] in _OPEN
        )
        return [session for session in opened if session is not None]

    def _session(here: int, number: int) -> OpenSession | None:
        """The session with this number; None when it is nobody's, or was closed meanwhile."""
        try:
            name = win32ts.WTSQuerySessionInformation(here, number, win32ts.WTSUserName)
            domain = win32ts.WTSQuerySessionInformation(here, number, win32ts.WTSDomainName)
            protocol: Any = win32ts.WTSQuerySessionInformation(
                here, number, win32ts.WTSClientProtocolType
            )
        except pywintypes.error:
            return None
        if not name:
            return None
        account = f"{domain}\\{name}"
        try:
            token: Any = win32ts.WTSQueryUserToken(number)
        except pywintypes.error:
            return OpenSession(account, _sid_of(account), remote=protocol != 0)
        try:
            user, _ = win32security.GetTokenInformation(token, win32security.TokenUser)
            groups = win32security.GetTokenInformation(token, win32security.TokenGroups)
        finally:
            token.Close()
        return OpenSession(
            account,
            win32security.ConvertSidToStringSid(user),
            remote=protocol != 0,
            groups=frozenset(win32security.ConvertSidToStringSid(sid) for sid, _ in groups),
        )

    def _sid_of(account: str) -> str:
        try:
            sid, _, _ = win32security.LookupAccountName(None, account)
        except pywintypes.error:
            return ""
        return win32security.ConvertSidToStringSid(sid)

    def _update_history() -> UpdateHistory | Unread:
        session = win32com.client.dynamic.Dispatch("Microsoft.Update.Session")
        searcher = session.CreateUpdateSearcher()
        count = min(searcher.GetTotalHistoryCount(), _MAX_UPDATES)
        found = searcher.QueryHistory(0, count) if count else ()
        results = win32com.client.dynamic.Dispatch("Microsoft.Update.AutoUpdate").Results
        return UpdateHistory(
            tuple(entry for one in found if (entry := _update(one)) is not None),
            _seconds(results.LastSearchSuccessDate),
        )

    def _update(found: Any) -> InstalledUpdate | None:
        """One line of the history; one that does not convert is left out, the others stay."""
        try:
            time = _seconds(found.Date)
            if time is None:
                return None
            return InstalledUpdate(
                str(found.Title), time, int(found.Operation), int(found.ResultCode)
            )
        except (pywintypes.com_error, ValueError, OverflowError):
            return None

    def _seconds(moment: Any) -> int | None:
        """UNIX seconds of a COM date, which Windows Update gives in UTC; None where it is unset."""
        seconds = int(moment.timestamp()) if isinstance(moment, datetime) else 0
        return seconds if seconds > 0 else None

    class _AuditPolicy(ctypes.Structure):
        """AUDIT_POLICY_INFORMATION."""

        _fields_: ClassVar = [
            ("subcategory", ctypes.c_byte * 16),
            ("information", ctypes.c_uint32),
            ("category", ctypes.c_byte * 16),
        ]

    def _audit_policy(subcategories: Sequence[str]) -> Sequence[int] | Unread:
        library = ctypes.WinDLL("advapi32", use_last_error=True)
        library.AuditQuerySystemPolicy.restype = ctypes.c_ubyte
        asked = b"".join(UUID(number).bytes_le for number in subcategories)
        found = ctypes.POINTER(_AuditPolicy)()
        count = len(subcategories)
        if not library.AuditQuerySystemPolicy(asked, count, ctypes.byref(found)):
            return Unread(reason_of(ctypes.get_last_error()), ctypes.get_last_error())
        try:
            return [found[n].information for n in range(count)]
        finally:
            library.AuditFree(found)

    def _account_rules() -> AccountRules | Unread:
        try:
            passwords = win32net.NetUserModalsGet(_HERE, 0)
            lockout = win32net.NetUserModalsGet(_HERE, 3)
        except pywintypes.error as error:
            return Unread(reason_of(error.winerror), error.winerror)
        return AccountRules(
            min_length=passwords["min_passwd_len"],
            max_age=unix_or_never(passwords["max_passwd_age"]),
            min_age=passwords["min_passwd_age"],
            history=passwords["password_hist_len"],
            lockout_threshold=lockout["lockout_threshold"],
            lockout_duration=unix_or_never(lockout["lockout_duration"]),
            lockout_window=lockout["lockout_observation_window"],
        )

    def _all(page: Any) -> list[Any]:
        """Every page of an enumeration of the network API."""
        rows, resume = list[Any](), 0
        while True:
            found, _, resume = page(resume)
            rows += found
            if not resume or len(rows) > _MAX_VALUES:
                return rows
