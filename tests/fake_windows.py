"""A Windows device that is written down: what WMI, the registry and the accounts answer there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import (
    WMI_TIMEOUT,
    AccountRules,
    GroupMember,
    LocalUser,
    OpenSession,
    Reason,
    RegistryData,
    RegistryKey,
    Unread,
    UpdateHistory,
    WmiRow,
)

_SELECT: Final = re.compile(r"SELECT (?P<names>[\w, ]+) FROM (?P<class>\w+)(?: WHERE .+)?")

DENIED: Final = Unread(Reason.DENIED, 0x8004_1003)
NO_NAMESPACE: Final = Unread(Reason.NO_NAMESPACE, 0x8004_100E)


@dataclass(frozen=True, slots=True)
class WrittenWindows:
    """Answers from what is written.

    `objects` are by class; a `WHERE` is not carried out, so that what it selects is written. A
    class that is not written is one that this edition lacks, a key that is not written is absent.
    A question that names a property which the objects lack is refused, as WMI does.
    """

    objects: Mapping[str, Sequence[WmiRow] | Unread] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, RegistryData] | RegistryKey | Unread] = field(
        default_factory=dict
    )
    users: Sequence[LocalUser] | Unread = ()
    members: Mapping[str, Sequence[GroupMember] | Unread] = field(default_factory=dict)
    rules: AccountRules | Unread = DENIED
    names: Mapping[str, str] = field(default_factory=dict)
    open_sessions: Sequence[OpenSession] | Unread = ()
    updates: UpdateHistory | Unread = DENIED
    audited: Mapping[str, int] | Unread = DENIED
    asked: list[str] = field(default_factory=list)

    def wmi(
        self,
        namespace: str,
        wql: str,
        *,
        methods: Sequence[str] = (),
        context: Mapping[str, str] | None = None,
        timeout: timedelta = WMI_TIMEOUT,  # noqa: ARG002 (the protocol)
    ) -> Sequence[WmiRow] | Unread:
        self.asked.append(f"{namespace}: {wql}" + (f" in {dict(context)}" if context else ""))
        question = _SELECT.fullmatch(wql)
        assert question, f"not WQL as it is written here: {wql}"
        found = self.objects.get(question["class"], Unread(Reason.NO_CLASS, 0x8004_1010))
        if isinstance(found, Unread):
            return found
        names = [name.strip() for name in question["names"].split(",")]
        if any(name not in row for row in found for name in names):
            return Unread(Reason.NO_CLASS, 0x8004_1017)
        return [
            {
                name: value
                for name, value in row.items()
                if name in names or name.partition(".")[0] in methods
            }
            for row in found
        ]

    def registry(self, key: str) -> RegistryKey | Unread:
        written = {name.lower(): name for name in self.keys}
        below = key.lower() + "\\"
        subkeys = tuple(
            dict.fromkeys(
                name[len(below) :].partition("\\")[0]
                for lowered, name in written.items()
                if lowered.startswith(below)
            )
        )
        found = self.keys[written[key.lower()]] if key.lower() in written else None
        if isinstance(found, Unread):
            return found
        if found is None and not subkeys:
            return Unread(Reason.ABSENT, 2)
        if isinstance(found, RegistryKey):
            return RegistryKey(found.values, (*found.subkeys, *subkeys), found.written)
        return RegistryKey(found or {}, subkeys)

    def net_users(self) -> Sequence[LocalUser] | Unread:
        return self.users

    def net_local_group_members(self, sid: str) -> Sequence[GroupMember] | Unread:
        return self.members.get(sid, Unread(Reason.ABSENT, 1332))

    def account_name(self, sid: str) -> str | Unread:
        return self.names.get(sid, Unread(Reason.ABSENT, 1332))

    def sessions(self) -> Sequence[OpenSession] | Unread:
        return self.open_sessions

    def update_history(self) -> UpdateHistory | Unread:
        return self.updates

    def audit_policy(self, subcategories: Sequence[str]) -> Sequence[int] | Unread:
        if isinstance(self.audited, Unread):
            return self.audited
        return [self.audited.get(number, 0) for number in subcategories]

    def account_rules(self) -> AccountRules | Unread:
        return self.rules


def a_windows_device(windows: WrittenWindows) -> Host:
    """A device with nothing but what is written; it has no files."""
    return Host(root=Path("/nonexistent"), windows=windows)
