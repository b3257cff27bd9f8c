"""`certificates`: the authorities that this system trusts."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

COLUMNS: Final = osquery_columns(
    "common_name, subject, subject2, issuer, issuer2, ca INTEGER, self_signed INTEGER, "
    "not_valid_before, not_valid_after, signing_algorithm, key_algorithm, key_strength, key_usage, "
    "subject_key_id, authority_key_id, sha1, path additional, serial, sid hidden, "
    "store_location hidden, store hidden, username hidden, store_id hidden"
)
STORES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)
"""Where distributions keep the bundle of trusted authorities. No other file is ever opened."""

_MAX_BYTES: Final = 16 * 1024 * 1024


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "certificates",
            COLUMNS,
            lambda request: _rows(host, request),
            platforms=frozenset({"linux"}),
            description="Authorities that the system trusts",
        ),
    )


def _rows(host: Host, request: Request) -> Iterator[TableRow]:
    # cryptography is 8 MB resident, and no shipped pack asks for this table.
    from vigie_agent.tables.certificate_bundle import read_bundle  # noqa: PLC0415

    asked = request.equals("path")
    for path in STORES:
        if not asked or path in asked:
            try:
                bundle = host.read_bytes(path, max_bytes=_MAX_BYTES)
            except OSError:
                continue
            yield from read_bundle(bundle, path)
