"""Where the tables that are driven by a path or a key may look, shipped in the agent.

`file`, `hash`, `registry` and their like read whatever they are pointed at. Here is all they may be
pointed at, by table and column: a question must name, in literals, places that lie inside these.
The server cannot add to them.

In a place, `%` stands for any text inside one path level, and a last level `%%` for anything below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final


class Shape(StrEnum):
    """How the values of a driving column are written, which decides what may hide in them."""

    POSIX_PATH = auto()
    WINDOWS_PATH = auto()
    REGISTRY_KEY = auto()
    AUGEAS_NODE = auto()
    NAME = auto()


@dataclass(frozen=True, slots=True)
class Places:
    """The places that a driving column may be pointed at.

    With `holds_entries` the column names a folder whose entries are read: a place must then cover
    the entries. `only` narrows some places further, to these values of the column `only_column`;
    a value that maps to False may be looked for, but its content is never read.
    """

    shape: Shape
    allowed: tuple[str, ...] = ()
    holds_entries: bool = False
    only_column: str = ""
    only: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    content_column: str = ""


_LINUX_SETTINGS: Final = (
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/%",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/%",
    "/etc/chrony.conf",
    "/etc/chrony/%%",
    "/etc/clamav/%",
    "/etc/crypttab",
    "/etc/default/ufw",
    "/etc/dnf/automatic.conf",
    "/etc/dnf/dnf.conf",
    "/etc/firewalld/firewalld.conf",
    "/etc/firewalld/zones/%",
    "/etc/fstab",
    "/etc/gdm/custom.conf",
    "/etc/gdm3/custom.conf",
    "/etc/gdm3/daemon.conf",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/iptables/%",
    "/etc/lightdm/%%",
    "/etc/login.defs",
    "/etc/modprobe.d/%",
    "/etc/nftables.conf",
    "/etc/nftables.d/%",
    "/etc/nsswitch.conf",
    "/etc/ntp.conf",
    "/etc/os-release",
    "/etc/pam.d/%",
    "/etc/rsyslog.conf",
    "/etc/rsyslog.d/%%",
    "/etc/samba/smb.conf",
    "/etc/sddm.conf",
    "/etc/sddm.conf.d/%",
    "/etc/security/access.conf",
    "/etc/security/faillock.conf",
    "/etc/security/limits.conf",
    "/etc/security/limits.d/%",
    "/etc/security/pwquality.conf",
    "/etc/security/pwquality.conf.d/%",
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d/%",
    "/etc/sudoers",
    "/etc/sudoers.d/%",
    "/etc/sysconfig/nftables.conf",
    "/etc/sysctl.conf",
    "/etc/sysctl.d/%",
    "/etc/systemd/%",
    "/etc/systemd/%.d/%",
    "/etc/ufw/%",
    "/etc/ufw/applications.d/%",
    "/etc/usbguard/%%",
)
"""Settings, readable as text or as digests: none of these files holds a secret by design."""

_LINUX_FILES: Final = (
    *_LINUX_SETTINGS,
    "/.snapshots/%/info.xml",
    "/etc/NetworkManager/system-connections/%",
    "/etc/chromium/policies/managed/%",
    "/etc/cron.d/%",
    "/etc/cron.daily/%",
    "/etc/cron.hourly/%",
    "/etc/cron.weekly/%",
    "/etc/dconf/db/%.d/%",
    "/etc/dconf/db/%.d/locks/%",
    "/etc/debian_version",
    "/etc/firefox/policies/policies.json",
    "/etc/group",
    "/etc/gshadow",
    "/etc/himmelblau/himmelblau.conf",
    "/etc/ipsec.conf",
    "/etc/krb5.keytab",
    "/etc/machine-id",
    "/etc/openvpn/%",
    "/etc/openvpn/%/%",
    "/etc/opt/chrome/policies/managed/%",
    "/etc/passwd",
    "/etc/realmd.conf",
    "/etc/shadow",
    "/etc/sssd/sssd.conf",
    "/etc/swanctl/conf.d/%",
    "/etc/swanctl/swanctl.conf",
    "/etc/wireguard",
    "/etc/wireguard/%",
    "/home/%/.cache/deja-dup/%",
    "/home/%/.cache/restic/%/snapshots",
    "/home/%/.config/borg/security/%/manifest-timestamp",
    "/home/%/.config/chromium/%/Login Data",
    "/home/%/.config/google-chrome/%/Login Data",
    "/home/%/.config/kscreenlockerrc",
    "/home/%/.mozilla/firefox/%/logins.json",
    "/opt/cisco/anyconnect",
    "/opt/cisco/secureclient",
    "/opt/forticlient",
    "/opt/microsoft/intune",
    "/opt/paloaltonetworks/globalprotect",
    "/opt/pulsesecure",
    "/opt/zscaler",
    "/root/.cache/restic/%/snapshots",
    "/root/.config/borg/security/%/manifest-timestamp",
    "/run/reboot-required",
    "/run/reboot-required.pkgs",
    "/run/systemd/system",
    "/run/systemd/timesync/synchronized",
    "/snap/%/current",
    "/sys/class/bluetooth/%",
    "/sys/class/dmi/id/%",
    "/sys/class/net/%",
    "/sys/class/power_supply/%",
    "/sys/class/tpm/%",
    "/sys/class/tpm/%/tpm_version_major",
    "/sys/firmware/efi",
    "/usr/bin/dnf-automatic",
    "/usr/bin/mullvad",
    "/usr/bin/netbird",
    "/usr/bin/openconnect",
    "/usr/bin/tailscale",
    "/usr/bin/unattended-upgrade",
    "/usr/bin/wg",
    "/usr/lib/firefox/distribution/policies.json",
    "/usr/lib/sysimage/rpm/%",
    "/usr/sbin/ipsec",
    "/usr/sbin/openconnect",
    "/usr/sbin/openvpn",
    "/usr/sbin/swanctl",
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/dnf",
    "/var/cache/libdnf5",
    "/var/cache/zypp",
    "/var/lib/apt/lists",
    "/var/lib/apt/periodic/%",
    "/var/lib/chrony/%",
    "/var/lib/clamav/%",
    "/var/lib/dpkg/info/%.list",
    "/var/lib/dpkg/status",
    "/var/lib/flatpak/app/%",
    "/var/lib/freshclam/%",
    "/var/lib/ntpsec/ntp.drift",
    "/var/lib/rpm/%",
    "/var/lib/systemd/timers/stamp-%",
    "/var/lib/systemd/timesync/clock",
    "/var/lib/unattended-upgrades/%",
    "/var/log/apt/history.log",
    "/var/log/clamav/%",
    "/var/log/dnf.log",
    "/var/log/dnf5.log",
    "/var/log/dpkg.log",
    "/var/log/journal",
    "/var/log/unattended-upgrades/%",
    "/var/run/reboot-required",
)
"""Metadata only (`file` never returns contents): presence, owner, mode, times, sizes."""

_LINUX_DIGESTS: Final = (
    *_LINUX_SETTINGS,
    "/sys/class/dmi/id/chassis_type",
    "/sys/class/tpm/%/tpm_version_major",
)

_LINUX_FOLDERS: Final = (
    *_LINUX_FILES,
    "/etc/cron.monthly/%",
    "/var/log/%",
)

_DARWIN_FILES: Final = (
    "/Applications/%",
    "/Applications/%/%.app",
    "/Library/Apple/System/Library/CoreServices/XProtect.app/Contents/Info.plist",
    "/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist",
    "/Library/Preferences/%",
    "/Users/%/Library/Application Support/Firefox/Profiles/%/logins.json",
    "/Users/%/Library/Application Support/Google/Chrome/%/Login Data",
    "/etc/asl.conf",
    "/etc/hosts",
    "/etc/kcpassword",
    "/etc/ntp.conf",
    "/etc/pam.d/%",
    "/etc/pf.anchors/%",
    "/etc/pf.conf",
    "/etc/security/audit_control",
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d/%",
    "/etc/sudoers",
    "/etc/sudoers.d/%",
    "/etc/syslog.conf",
    "/private/var/protected/xprotect/XProtect.bundle/Contents/Info.plist",
    "/var/db/ConfigurationProfiles/Settings/%",
)

_DARWIN_DIGESTS: Final = (
    "/etc/asl.conf",
    "/etc/hosts",
    "/etc/pam.d/%",
    "/etc/pf.anchors/%",
    "/etc/pf.conf",
    "/etc/security/audit_control",
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d/%",
    "/etc/sudoers",
    "/etc/sudoers.d/%",
)

_DARWIN_PLISTS: Final = (
    "/Library/Apple/System/Library/CoreServices/XProtect.app/Contents/Info.plist",
    "/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist",
    "/Library/Preferences/com.apple.Bluetooth.plist",
    "/Library/Preferences/com.apple.SoftwareUpdate.plist",
    "/Library/Preferences/com.apple.TimeMachine.plist",
    "/Library/Preferences/com.apple.alf.plist",
    "/Library/Preferences/com.apple.commerce.plist",
    "/Library/Preferences/com.apple.loginwindow.plist",
    "/Library/Preferences/com.apple.timed.plist",
    "/Library/Preferences/SystemConfiguration/com.apple.smb.server.plist",
    "/private/var/protected/xprotect/XProtect.bundle/Contents/Info.plist",
)

_DARWIN_PLIST_KEYS: Final = {
    # Beside the state of the radio lie the names of everything that was ever paired.
    "/Library/Preferences/com.apple.Bluetooth.plist": {"ControllerPowerState": True},
}

_WINDOWS_FILES: Final = (
    r"C:\ProgramData\Microsoft\Network\Connections\Pbk\%",
    r"C:\Users\%\AppData\Local\Google\Chrome\User Data\%\Login Data",
    r"C:\Users\%\AppData\Local\Microsoft\Edge\User Data\%\Login Data",
    r"C:\Users\%\AppData\Local\Microsoft\Windows\FileHistory\Configuration\%",
    r"C:\Users\%\AppData\Roaming\Microsoft\Network\Connections\Pbk\%",
    r"C:\Users\%\AppData\Roaming\Mozilla\Firefox\Profiles\%\logins.json",
    r"C:\Windows\System32\drivers\etc\hosts",
)

_LOCAL_MACHINE: Final = "HKEY_LOCAL_MACHINE\\"
_USER: Final = "HKEY_USERS\\S-1-%\\"
_WINDOWS_NT: Final = _LOCAL_MACHINE + r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_WINLOGON: Final = _WINDOWS_NT + r"\Winlogon"

_REGISTRY: Final = (
    *(
        _LOCAL_MACHINE + key
        for key in (
            r"SOFTWARE\Microsoft\Enrollments\%",
            r"SOFTWARE\Microsoft\PolicyManager\current\device\%",
            r"SOFTWARE\Microsoft\Windows Defender",
            r"SOFTWARE\Microsoft\Windows Defender\Features",
            r"SOFTWARE\Microsoft\Windows Defender\Real-Time Protection",
            r"SOFTWARE\Microsoft\Windows Defender\Scan",
            r"SOFTWARE\Microsoft\Windows Defender\Signature Updates",
            r"SOFTWARE\Microsoft\Windows NT\CurrentVersion",
            r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\NetworkList\Profiles\%",
            r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\%",
            r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon",
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing",
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System",
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener",
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update",
            r"SOFTWARE\Microsoft\WindowsUpdate\UX\Settings",
            r"SOFTWARE\Policies\BraveSoftware\Brave",
            r"SOFTWARE\Policies\Google\Chrome",
            r"SOFTWARE\Policies\Microsoft\Edge",
            r"SOFTWARE\Policies\Microsoft\PassportForWork\PINComplexity",
            r"SOFTWARE\Policies\Microsoft\Windows Advanced Threat Protection",
            r"SOFTWARE\Policies\Microsoft\Windows Defender",
            r"SOFTWARE\Policies\Microsoft\Windows Defender\Real-Time Protection",
            r"SOFTWARE\Policies\Microsoft\Windows Defender\Scan",
            r"SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services",
            r"SOFTWARE\Policies\Microsoft\W32Time\Parameters",
            r"SOFTWARE\Policies\Microsoft\W32Time\TimeProviders\NtpClient",
            r"SOFTWARE\Policies\Microsoft\WindowsFirewall\%",
            r"SOFTWARE\Policies\Microsoft\WindowsFirewall\%\Logging",
            r"SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions",
            r"SOFTWARE\Policies\Microsoft\Windows\EventLog\Application",
            r"SOFTWARE\Policies\Microsoft\Windows\EventLog\EventForwarding\SubscriptionManager",
            r"SOFTWARE\Policies\Microsoft\Windows\EventLog\Security",
            r"SOFTWARE\Policies\Microsoft\Windows\EventLog\System",
            r"SOFTWARE\Policies\Microsoft\Windows\RemovableStorageDevices",
            r"SOFTWARE\Policies\Microsoft\Windows\RemovableStorageDevices\%",
            r"SOFTWARE\Policies\Microsoft\Windows\WinRM\Service",
            r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate",
            r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU",
            r"SOFTWARE\Policies\Mozilla\Firefox",
            r"SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\%",
            r"SYSTEM\CurrentControlSet\Control\Lsa",
            r"SYSTEM\CurrentControlSet\Control\Remote Assistance",
            r"SYSTEM\CurrentControlSet\Control\SecureBoot\State",
            r"SYSTEM\CurrentControlSet\Control\Session Manager",
            r"SYSTEM\CurrentControlSet\Control\Terminal Server",
            r"SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp",
            r"SYSTEM\CurrentControlSet\Enum\USBSTOR\%",
            r"SYSTEM\CurrentControlSet\Services\BTHPORT\Parameters\Devices",
            r"SYSTEM\CurrentControlSet\Services\EventLog\Application",
            r"SYSTEM\CurrentControlSet\Services\EventLog\Security",
            r"SYSTEM\CurrentControlSet\Services\EventLog\System",
            r"SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters",
            r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters",
            r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\%",
            r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\%\Logging",
            r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\Mdm\%",
            r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters",
            r"SYSTEM\CurrentControlSet\Services\UASPStor",
            r"SYSTEM\CurrentControlSet\Services\USBSTOR",
            r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters",
            r"SYSTEM\CurrentControlSet\Services\W32Time\TimeProviders\NtpClient",
            r"SYSTEM\CurrentControlSet\Services\mrxsmb10",
        )
    ),
    *(
        _USER + key
        for key in (
            r"Control Panel\Desktop",
            r"Software\Microsoft\Windows\CurrentVersion\FileHistory",
            r"Software\Policies\Google\Chrome",
            r"Software\Policies\Microsoft\Edge",
            r"Software\Policies\Microsoft\Windows\Control Panel\Desktop",
        )
    ),
)

_WINLOGON_NAMES: Final = {
    "AutoAdminLogon": True,
    "AutoLogonCount": True,
    "CachedLogonsCount": True,
    "DefaultDomainName": True,
    "DefaultUserName": True,
    "ForceAutoLogon": True,
    "ScreenSaverGracePeriod": True,
    "DefaultPassword": False,  # that it is there is the finding; what it says is nobody's business
}

_WINDOWS_NT_NAMES: Final = dict.fromkeys(
    (
        "CurrentBuild",
        "CurrentVersion",
        "DisplayVersion",
        "EditionID",
        "InstallDate",
        "InstallationType",
        "ProductName",
        "ReleaseId",
        "UBR",
    ),
    True,  # not the product key, which lies beside them
)

_OSQUERY_FLAGS: Final = (
    "augeas_lenses",
    "config_plugin",
    "config_refresh",
    "disable_carver",
    "disable_events",
    "disable_extensions",
    "disable_watchdog",
    "distributed_interval",
    "host_identifier",
    "logger_plugin",
    "schedule_splay_percent",
    "tls_hostname",
    "users_service_interval",
    "watchdog_level",
    "watchdog_memory_limit",
    "watchdog_utilization_limit",
)
"""Not the flags that carry keys, such as those of cloud loggers."""

NOWHERE: Final = Places(Shape.NAME)
"""A driving column that no question may constrain: another column must be used instead."""

_FLAGS: Final = {"name": Places(Shape.NAME, _OSQUERY_FLAGS)}

PLACES: Final[Mapping[str, Mapping[str, Mapping[str, Places]]]] = {
    "linux": {
        "augeas": {
            "node": Places(Shape.AUGEAS_NODE, _LINUX_SETTINGS),
            "path": Places(Shape.POSIX_PATH, _LINUX_SETTINGS),
        },
        "file": {
            "path": Places(Shape.POSIX_PATH, _LINUX_FILES),
            "directory": Places(Shape.POSIX_PATH, _LINUX_FOLDERS, holds_entries=True),
        },
        "hash": {
            "path": Places(Shape.POSIX_PATH, _LINUX_DIGESTS),
            "directory": Places(Shape.POSIX_PATH, _LINUX_DIGESTS, holds_entries=True),
        },
        "osquery_flags": _FLAGS,
    },
    "darwin": {
        "augeas": {
            "node": Places(Shape.AUGEAS_NODE, _DARWIN_DIGESTS),
            "path": Places(Shape.POSIX_PATH, _DARWIN_DIGESTS),
        },
        "file": {
            "path": Places(Shape.POSIX_PATH, _DARWIN_FILES),
            "directory": Places(Shape.POSIX_PATH, _DARWIN_FILES, holds_entries=True),
        },
        "hash": {
            "path": Places(Shape.POSIX_PATH, _DARWIN_DIGESTS),
            "directory": Places(Shape.POSIX_PATH, _DARWIN_DIGESTS, holds_entries=True),
        },
        "osquery_flags": _FLAGS,
        "plist": {
            "path": Places(
                Shape.POSIX_PATH,
                _DARWIN_PLISTS,
                only_column="key",
                only=_DARWIN_PLIST_KEYS,
                content_column="value",
            )
        },
        "preferences": {"domain": Places(Shape.NAME, ("com.apple.screensaver",))},
        "system_profiler": {"data_type": Places(Shape.NAME, ("SPBluetoothDataType",))},
    },
    "windows": {
        "file": {
            "path": Places(Shape.WINDOWS_PATH, _WINDOWS_FILES),
            "directory": Places(Shape.WINDOWS_PATH, _WINDOWS_FILES, holds_entries=True),
        },
        "hash": {"path": NOWHERE, "directory": NOWHERE},
        "osquery_flags": _FLAGS,
        "registry": {
            "key": Places(
                Shape.REGISTRY_KEY,
                _REGISTRY,
                only_column="name",
                only={
                    _WINLOGON: _WINLOGON_NAMES,
                    _WINDOWS_NT: _WINDOWS_NT_NAMES,
                },
                content_column="data",
            ),
            "path": NOWHERE,
        },
        "windows_eventlog": {
            "channel": Places(
                Shape.NAME,
                ("Microsoft-Windows-Backup", "Microsoft-Windows-Windows Defender/Operational"),
            ),
            "xpath": NOWHERE,
        },
    },
}
"""By platform, table and driving column. A table that is not here is not driven by anything."""
