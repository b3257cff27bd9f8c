"""vigie_luks_chain: whether what is mounted lies on encrypted disks, whatever is between (Linux).

One row for each local file system and swap area. Every parent of every device is followed: a volume
over one clear and one encrypted disk is not encrypted.
"""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text

COLUMNS: Final = (
    text("mount", "Mount point, or `swap` with the device or file"),
    text("device", "Block device, ZFS dataset or swap file"),
    text("fs_type", "File system type, or swap"),
    integer("system", "Holds the running system (mounted on /)"),
    integer("encrypted", "Every path from the volume to a disk crosses encryption"),
    text("method", "LUKS2, LUKS1, PLAIN, ..., or the cipher of a ZFS dataset; empty when clear"),
    text("chain", "How it is stacked, from volume to disks"),
    *COLLECTED,
)
