"""HTTPS for tests that ask servers on loopback."""

import ssl
from pathlib import Path
from typing import Any

import httpx2

from fakes.plain_http import PATIENCE


def secure_client(authority: Path, base_url: str = "", **given: Any) -> httpx2.AsyncClient:
    """A client that trusts this authority alone."""
    trust = ssl.create_default_context(cafile=authority)
    return httpx2.AsyncClient(base_url=base_url, verify=trust, **{"timeout": PATIENCE} | given)
