r"""A Windows device read from a scenario's `machine.yaml`: what our own tables find on it.

Its registry is that of osquery's table `registry` there; the rest stands under `windows`:

    windows:
      users: [{name, sid, flags, last_logon, expires}]      # NetUserEnum; or a reason: denied
      members: [{sid, name, kind}]                          # of the administrators
      names: {sid: DOMAIN\\name}
      sessions: [{account, sid, remote, groups}]
      rules: {min_length, max_age, ...}
      updates: {last_search, entries: [{title, time, operation, result}]}
      audited: {subcategory: none, success, failure or both}      # the others none; or a reason
      registry: [{key, name, type, data}]     # what Windows has and osquery does not show
      wmi: {Class: [{property: value}]}                     # or a reason
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from fake_windows import WrittenWindows, a_windows_device
from vigie_agent.domain.table import Request, TableRow
from vigie_agent.tables import vigie_screen_lock, vigie_win_accounts
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.vigie_win_audit_policy import SUBCATEGORIES
from vigie_agent.tables.windows_system import (
    ADMINISTRATORS,
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
)

T = TypeVar("T")
_AUDITED: Final = {"none": 0, "success": 1, "failure": 2, "both": 3}
MOMENT: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)

Document = Mapping[str, Any]


def windows_tables(document: Document) -> Mapping[str, Sequence[TableRow]]:
    """The rows of `vigie_win_*` and `vigie_screen_lock` on the device that `document` describes."""
    said = document["windows"]
    registry = [*document.get("registry", ()), *said.get("registry", ())]
    host = a_windows_device(_windows(said, registry))
    tables = {table.name: table for table in all_tables(host)}
    tables |= {table.name: table for table in vigie_win_accounts.tables(host, lambda: MOMENT)}
    tables |= {table.name: table for table in vigie_screen_lock.tables(host, "windows")}
    return {
        name: list(table.generate(Request()))
        for name, table in tables.items()
        if name.startswith("vigie_win_") or name == "vigie_screen_lock"
    }


def _windows(said: Document, registry: Sequence[Mapping[str, Any]]) -> WrittenWindows:
    wmi = said.get("wmi", {})
    return WrittenWindows(
        objects={name: _or_reason(found, list) for name, found in wmi.items()},
        keys=dict(_keys(registry)),
        users=_or_reason(said["users"], lambda rows: [LocalUser(**row) for row in rows]),
        members={
            ADMINISTRATORS: _or_reason(
                said["members"], lambda rows: [GroupMember(**row) for row in rows]
            )
        },
        rules=_or_reason(said["rules"], lambda rules: AccountRules(**rules)),
        names=said.get("names", {}),
        open_sessions=_or_reason(said["sessions"], lambda rows: [_session(row) for row in rows]),
        updates=_or_reason(said["updates"], _history),
        audited=_or_reason(said.get("audited", Reason.DENIED), _audited),
    )


def _or_reason(found: Any, read: Callable[[Any], T]) -> T | Unread:
    """What is written, or why it cannot be read: the word of a reason in its place."""
    return Unread(Reason(found)) if isinstance(found, str) else read(found)


def _session(row: Mapping[str, Any]) -> OpenSession:
    groups = row.get("groups")
    return OpenSession(
        row["account"],
        row["sid"],
        remote=row.get("remote", False),
        groups=None if groups is None else frozenset(groups),
    )


def _history(said: Mapping[str, Any]) -> UpdateHistory:
    return UpdateHistory(
        tuple(InstalledUpdate(**entry) for entry in said["entries"]), said.get("last_search")
    )


def _audited(said: Mapping[str, str]) -> Mapping[str, int]:
    return {SUBCATEGORIES[name]: _AUDITED[word] for name, word in said.items()}


def _keys(registry: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, RegistryKey]]:
    values: dict[str, dict[str, RegistryData]] = {}
    written: dict[str, int] = {}
    for row in registry:
        if row["type"] == "subkey":
            key = f"{row['key']}\\{row['name']}"
            values.setdefault(key, {})
            written[key] = row.get("mtime", 0)
        else:
            values.setdefault(row["key"], {})[row["name"]] = _data(row["type"], row["data"])
    for key, found in values.items():
        yield key, RegistryKey(found, written=written.get(key) or None)


def _data(kind: str, shown: str) -> RegistryData:
    """A value as Windows keeps it, from the text that osquery shows."""
    match kind:
        case "REG_DWORD" | "REG_QWORD":
            return int(shown)
        case "REG_BINARY":
            return bytes.fromhex(shown)
        case "REG_MULTI_SZ":
            return tuple(shown.split(","))
        case _:
            return shown
