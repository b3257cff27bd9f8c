"""The names of a server and those that its HTTPS is for: it says where they no longer fit."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from programs import ServerProgram
from vigie_server.ca import authority
from vigie_server.ca.files import names_lacking

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


def named(data: Path, names: str) -> ServerProgram:
    return ServerProgram(data, {"VIGIE_SERVER_NAMES": names})


async def refused_as_localhost(server: ServerProgram) -> str:
    """Why a browser that trusts the authority refuses the server; empty where it does not."""
    context = ssl.create_default_context(cafile=str(server.https_authority))
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", server.http, ssl=context, server_hostname="localhost"
        )
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    writer.close()
    return ""


async def test_a_server_that_got_another_name_says_what_to_run_and_is_trusted_by_it_then(
    tmp_path: Path,
) -> None:
    before = named(tmp_path / "server", "127.0.0.1,vigie.example.org")
    await before.command("init")
    await before.command("token", "create", "--site", "les-lilas")
    renamed = named(tmp_path / "server", "127.0.0.1,localhost")

    await renamed.start()
    warned = await renamed.program.event("https_authority_lacks_names")
    refused = await refused_as_localhost(renamed)
    await renamed.program.stop()

    assert warned["names"] == ["localhost"]
    assert "vigie-server init --new-https" in str(warned["do"])
    assert refused == "permitted subtree violation"

    devices = (tmp_path / "server" / "ca" / "devices.crt").read_bytes()
    await renamed.command("init", "--new-https")
    await renamed.start()

    assert await refused_as_localhost(renamed) == ""
    assert "https_authority_lacks_names" not in {event["event"] for event in renamed.program.events}
    assert (tmp_path / "server" / "ca" / "devices.crt").read_bytes() == devices
    assert "les-lilas" in await renamed.command("token", "list")
    await renamed.program.stop()


async def test_a_server_says_which_names_its_given_certificate_lacks(tmp_path: Path) -> None:
    server = named(tmp_path / "server", "localhost,vigie.example.org")
    await server.command("init")
    issuer = authority.load(tmp_path / "server" / "ca", authority.HTTPS)
    pair = issuer.issue_https_certificate(("localhost",), now=datetime.now(UTC))
    for name, content in {"crt": pair.chain, "key": pair.key}.items():
        (tmp_path / f"given.{name}").write_bytes(content)
    given = {
        "VIGIE_SERVER_HTTP__CERTIFICATE": str(tmp_path / "given.crt"),
        "VIGIE_SERVER_HTTP__KEY": str(tmp_path / "given.key"),
    }
    serving = ServerProgram(tmp_path / "server", {**server.extra, **given})

    await serving.start()
    warned = await serving.program.event("https_certificate_lacks_names")
    await serving.program.stop()

    assert warned["names"] == ["vigie.example.org"]
