"""The names of a server and those that its HTTPS is for: it says where they no longer fit."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fakes.running_server import running_server, settings_in
from vigie_server.bootstrap.https import NEW_HTTPS
from vigie_server.bootstrap.store import initialise
from vigie_server.ca import authority
from vigie_server.ca.files import names_lacking
from vigie_server.clock import utc_now
from vigie_server.settings import HttpSettings as Http

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bound_to", "names", "outside"),
    [
        (("vigie.example.org",), ("vigie.example.org",), ()),
        (("example.org",), ("vigie.example.org", "EXAMPLE.ORG"), ()),
        (("vigie.example.org",), ("example.org", "notvigie.example.org"), None),
        (("vigie.example.org", "10.0.0.1"), ("vigie.example.org", "10.0.0.2"), ("10.0.0.2",)),
        (("::1",), ("::1", "::2"), ("::2",)),
        (("vigie.example.org",), ("10.0.0.2",), ()),  # nothing is said of addresses
        ((), ("anything.example",), ()),
    ],
)
def test_an_authority_knows_for_which_names_it_may_not_sign(
    tmp_path: Path,
    bound_to: tuple[str, ...],
    names: tuple[str, ...],
    outside: tuple[str, ...] | None,
) -> None:
    authority.create(tmp_path, authority.HTTPS, names_only=bound_to, now=NOW)

    found = authority.load(tmp_path, authority.HTTPS).outside(names)

    assert found == (names if outside is None else outside)


def test_a_given_certificate_is_for_the_names_that_it_tells_and_those_below_a_star(
    tmp_path: Path,
) -> None:
    authority.create(tmp_path, authority.HTTPS, now=NOW)
    issuer = authority.load(tmp_path, authority.HTTPS)
    names = ("*.example.org", "10.0.0.1")
    given = tmp_path / "given.pem"
    given.write_bytes(issuer.issue_https_certificate(names, now=NOW).chain)
    asked = ("Vigie.example.org", "10.0.0.1", "10.0.0.2", "example.org", "a.b.example.org")

    assert names_lacking(given, asked) == ("10.0.0.2", "example.org", "a.b.example.org")
    assert names_lacking(tmp_path / "none.pem", asked) == ()


async def warned(folder: Path, **changes: Any) -> tuple[dict[str, list[str]], str]:
    """What a server of these settings warns of at its start, and why `localhost` is not trusted."""
    with capture_logs() as logs:
        async with running_server(folder, **changes) as server:
            refused = await refused_as_localhost(folder, server.addresses.http)
    return {
        event["event"]: event["names"] for event in logs if event["event"].endswith("lacks_names")
    }, refused


async def refused_as_localhost(folder: Path, port: int) -> str:
    """Why a browser that trusts the authority refuses the server; empty where it does not."""
    context = ssl.create_default_context(cafile=folder / "ca" / "https.crt")
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    writer.close()
    return ""


async def test_a_server_that_got_another_name_warns_and_is_trusted_once_it_did_as_told(
    tmp_path: Path,
) -> None:
    before = settings_in(tmp_path, names=("127.0.0.1", "vigie.example.org"))
    initialise(before, now=utc_now())
    renamed = {"names": ("127.0.0.1", "localhost")}

    told, refused = await warned(tmp_path, **renamed)

    assert told == {"https_authority_lacks_names": ["localhost"]}
    assert refused == "permitted subtree violation"
    assert "vigie-server init --new-https" in NEW_HTTPS
    devices = (tmp_path / "ca" / "devices.crt").read_bytes()
    initialise(settings_in(tmp_path, **renamed), now=utc_now(), new_https=True)
    assert await warned(tmp_path, **renamed) == ({}, "")
    assert (tmp_path / "ca" / "devices.crt").read_bytes() == devices


async def test_a_server_says_which_names_its_given_certificate_lacks(tmp_path: Path) -> None:
    names = {"names": ("localhost", "vigie.example.org")}
    initialise(settings_in(tmp_path / "server", **names), now=utc_now())
    issuer = authority.load(tmp_path / "server" / "ca", authority.HTTPS)
    pair = issuer.issue_https_certificate(("localhost",), now=utc_now())
    certificate, key = tmp_path / "given.crt", tmp_path / "given.key"
    certificate.write_bytes(pair.chain)
    key.write_bytes(pair.key)

    told = await warned(tmp_path / "server", http=Http(certificate=certificate, key=key), **names)

    assert told == ({"https_certificate_lacks_names": ["vigie.example.org"]}, "")
