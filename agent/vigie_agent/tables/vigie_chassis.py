"""vigie_chassis: what kind of machine this is (Linux)."""

from typing import Final

from vigie_agent.tables.columns import COLLECTED, integer, text

COLUMNS: Final = (
    text("chassis", "laptop, tablet, desktop, server, virtual, container, embedded or unknown"),
    integer("chassis_type", "SMBIOS chassis type number"),
    integer("portable", "Made to be carried: laptop or tablet; NULL when not known"),
    text("virtualization", "kvm, vmware, virtualbox, hyperv, xen, ...; empty on bare metal"),
    text("container", "docker, podman, lxc, ...; empty outside of containers"),
    integer("battery", "It has a battery of its own"),
    *COLLECTED,
)
"""Always one row."""
