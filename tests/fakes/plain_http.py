"""HTTP without TLS, for tests that ask servers on loopback."""

import ssl
from typing import Any, Final

import httpx2

NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Whom such a client trusts. To read the system's authorities takes as long as fifty answers."""
PATIENCE: Final = 60.0
"""Seconds that an answer may take; a loaded machine needs a part of them."""


def plain_client(base_url: str = "", **given: Any) -> httpx2.AsyncClient:
    """A client that speaks no TLS."""
    return httpx2.AsyncClient(base_url=base_url, verify=NOBODY, **{"timeout": PATIENCE} | given)
