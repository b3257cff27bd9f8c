"""What kind of place a backup goes to: this device's own disk, another one, the network.

A disk that is not plugged in is told by where it would be: below /media it is external, elsewhere
nothing is told rather than the disk whose folder stands in for it.
"""

import re
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path
from vigie_agent.tables.mount_table import Mount, mount_of, read_mountinfo

INTERNAL: Final = "internal"
EXTERNAL: Final = "external"
DISK: Final = "disk"
NETWORK: Final = "network"
CLOUD: Final = "cloud"
KINDS: Final = frozenset({INTERNAL, EXTERNAL, DISK, NETWORK, CLOUD})

_NETWORK_TYPES: Final = re.compile(r"nfs\d?|cifs|smb3?|smbfs|fuse\.sshfs|davfs|fuse\.davfs|9p")
_CLOUD_TYPES: Final = re.compile(r"fuse\.(rclone|s3fs|gcsfuse)")
_EXTERNAL_FOLDERS: Final = ("/media/", "/run/media/", "/Volumes/")
_TEMPORARY_FOLDERS: Final = ("/mnt/",)
_REMOTE: Final = re.compile(r"[a-z][\w+.-]+://|[^/\s]+@[^/\s]+:|[\w.-]+:(?!\\)\S", re.IGNORECASE)


def is_remote(location: str) -> bool:
    """Whether a location is an address: `ssh://...`, `user@host:path`, not a path."""
    is_path = location.startswith(("/", "file:"))
    return not is_path and _REMOTE.match(location) is not None


def place_of(host: Host, location: str) -> str:
    """The kind of place that a path or an address is; empty where it is not known."""
    if is_remote(location):
        return NETWORK
    path = location.removeprefix("file://")
    if path.startswith(_EXTERNAL_FOLDERS):
        return EXTERNAL
    mounts = read_mountinfo(host.text_or_empty("/proc/self/mountinfo"))
    mount = mount_of(path, mounts)
    if mount is None:
        return ""
    if path.startswith(_TEMPORARY_FOLDERS) and mount.path == "/":
        return ""
    return _of_mount(host, mount, mount_of("/", mounts))


def _of_mount(host: Host, mount: Mount, root: Mount | None) -> str:
    if _NETWORK_TYPES.fullmatch(mount.fs_type):
        return NETWORK
    if _CLOUD_TYPES.fullmatch(mount.fs_type):
        return CLOUD
    try:
        device = real_path(host, f"/sys/dev/block/{mount.number}")
    except OSError:
        device = ""
    if "/usb" in device:
        return EXTERNAL
    same = root is not None and (mount.number, mount.source) == (root.number, root.source)
    return INTERNAL if same else DISK
