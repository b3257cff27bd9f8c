"""Settings of a Mac, in the order that decides: a profile's first, then the Mac's own.

Only the domains named here are opened: the folder of managed preferences also holds those of mail,
networks and accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    Unanswered,
    dictionaries,
    dictionary,
    flag_of,
    number_of,
    plist_file,
    plist_list_file,
    text_of,
)

SOFTWARE_UPDATE: Final = "com.apple.SoftwareUpdate"
MEDIA: Final = "com.apple.systemuiserver"
DISK_ACCESS: Final = "com.apple.security.diskaccess"
_DOMAINS: Final = frozenset({SOFTWARE_UPDATE, MEDIA, DISK_ACCESS})

_MANAGED: Final = "/Library/Managed Preferences"
_OWN: Final = "/Library/Preferences"
_DECLARED: Final = "/var/db/softwareupdate/SoftwareUpdateDDMStatePersistence.plist"
_HISTORY: Final = "/Library/Receipts/InstallHistory.plist"
_VERSION: Final = "/System/Library/CoreServices/SystemVersion.plist"


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """Switches of Software Update; None where nothing sets them: the release's default holds."""

    checks: bool | None = None
    downloads: bool | None = None
    installs: bool | None = None
    data_files: bool | None = None

    def over(self, other: "UpdateSettings") -> "UpdateSettings":
        """These settings, and the `other` ones where these set nothing."""
        return UpdateSettings(
            checks=other.checks if self.checks is None else self.checks,
            downloads=other.downloads if self.downloads is None else self.downloads,
            installs=other.installs if self.installs is None else self.installs,
            data_files=other.data_files if self.data_files is None else self.data_files,
        )


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry of the history of installations."""

    name: str
    process: str
    time: int


def managed(host: Host, domain: str) -> Mapping[str, object]:
    """What profiles set in one of the domains above. Raises Unanswered when it is closed."""
    if domain not in _DOMAINS:
        raise KeyError(domain)
    return plist_file(host, f"{_MANAGED}/{domain}.plist") or {}


def own_update_preferences(host: Host) -> Mapping[str, object]:
    """Software Update's own file: settings, and when it last looked. Raises Unanswered."""
    return plist_file(host, f"{_OWN}/{SOFTWARE_UPDATE}.plist") or {}


def update_settings(host: Host) -> UpdateSettings:
    """The settings in force: declared ones, then those of profiles, then the Mac's own.

    Raises Unanswered when one of the files is closed or damaged.
    """
    declared = declared_settings(plist_file(host, _DECLARED) or {})
    by_profile = written_settings(managed(host, SOFTWARE_UPDATE))
    return declared.over(by_profile).over(written_settings(own_update_preferences(host)))


def written_settings(preferences: Mapping[str, object]) -> UpdateSettings:
    """The switches in a preference file of Software Update."""
    return UpdateSettings(
        checks=flag_of(preferences.get("AutomaticCheckEnabled")),
        downloads=flag_of(preferences.get("AutomaticDownload")),
        installs=flag_of(preferences.get("AutomaticallyInstallMacOSUpdates")),
        data_files=flag_of(preferences.get("ConfigDataInstall")),
    )


def declared_settings(state: Mapping[str, object]) -> UpdateSettings:
    """The switches that a declaration of the management server sets (from macOS 15)."""
    fields = dictionary(state.get("SUCorePersistedStatePolicyFields"))
    settings = dictionary(fields.get("SUCoreDDMDeclarationGlobalSettings"))
    return UpdateSettings(
        checks=_declared(settings.get("automaticallyCheck")),
        downloads=_declared(settings.get("automaticallyDownload")),
        installs=_declared(settings.get("automaticallyInstallOSUpdates")),
        data_files=_declared(settings.get("automaticallyInstallSystemAndSecurityUpdates")),
    )


def installations(host: Host) -> tuple[Installed, ...]:
    """What was installed and when. Raises Unanswered when the history cannot be read."""
    found = plist_list_file(host, _HISTORY)
    if found is None:
        raise Unanswered("this Mac has no history of installations")
    return tuple(
        Installed(text_of(entry.get("displayName")), text_of(entry.get("processName")), time)
        for entry in dictionaries(found)
        if (time := seconds_of(entry.get("date"))) is not None
    )


def release(host: Host) -> int | None:
    """The release of macOS (12, 13, ...), None when the system does not say."""
    version = text_of((plist_file(host, _VERSION) or {}).get("ProductVersion"))
    return number_of(version.partition(".")[0])


def seconds_of(value: object) -> int | None:
    """UNIX time of a date of a property list, which is in UTC without saying so."""
    seconds = value.replace(tzinfo=UTC).timestamp() if isinstance(value, datetime) else 0
    return int(seconds) if seconds > 0 else None


def _declared(value: object) -> bool | None:
    """1 is always on, 0 always off; any other number leaves it to the Mac's own setting."""
    return value if isinstance(value, bool) else {1: True, 0: False}.get(_number(value))


def _number(value: object) -> int:
    found = number_of(value)
    return -1 if found is None else found
