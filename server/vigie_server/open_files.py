"""How many files this process may open: a connection is one, and so is what it writes to."""

import resource
from typing import Final

PLENTY: Final = 1 << 16
"""Taken where the system sets no bound."""


def open_files() -> int:
    """How many may be open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return PLENTY if soft == resource.RLIM_INFINITY else soft


def open_as_many_as_allowed() -> int:
    """Raises the soft limit, which is often 1,024, to the hard one; gives `open_files`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        most = max(soft, PLENTY) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return open_files()
