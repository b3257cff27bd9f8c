"""Which programs run, by name, from /proc."""

from vigie_agent.tables.host import Host


def running_programs(host: Host) -> frozenset[str]:
    """The names of the running processes as the kernel keeps them: at most 15 characters."""
    try:
        pids = [item.name for item in host.path("/proc").iterdir() if item.name.isdecimal()]
    except OSError:
        return frozenset()
    names = (host.text_or_empty(f"/proc/{pid}/comm").strip() for pid in pids)
    return frozenset(name for name in names if name)
