"""Whom the server trusts when it speaks TLS to others."""

import ssl
from functools import cache
from pathlib import Path


def trusting(authorities: Path | None) -> ssl.SSLContext:
    """Terms of connections to others: they are known by these authorities (PEM), or the system's.

    Nobody may change them. Raises OSError for a file that is not there or holds no certificates.
    """
    return _the_systems() if authorities is None else ssl.create_default_context(cafile=authorities)


@cache
def _the_systems() -> ssl.SSLContext:
    """Reading the system's authorities is a fiftieth of what it takes to begin to serve."""
    return ssl.create_default_context()
