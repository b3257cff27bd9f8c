"""The certificate that API, console and metrics are served with: a given one, or an own one."""

from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from vigie_server.bootstrap.store import authorities
from vigie_server.ca import authority
from vigie_server.ca.files import expiry_of, names_lacking, write_private
from vigie_server.metrics.own import OwnFigures
from vigie_server.settings import ServerSettings

log = structlog.get_logger()

NEW_HTTPS: Final = (
    "browsers, Prometheus and who uses the API refuse this server by these names: run "
    "`vigie-server init --new-https`, start the server again, and give them the new ca/https.crt; "
    "devices go on"
)
NEW_CERTIFICATE: Final = (
    "browsers refuse this server by these names: have HTTP__CERTIFICATE made for them too, or take "
    "them out of NAMES"
)


def https_files(
    settings: ServerSettings, figures: OwnFigures, *, now: datetime
) -> tuple[Path | None, Path | None]:
    """Files of the certificate and its key; none for plain HTTP on loopback.

    Logs the names that the certificate lacks, and tells `figures` when it expires.
    """
    if settings.http.plain:
        return None, None
    if settings.http.certificate is not None and settings.http.key is not None:
        given = expiry_of(settings.http.certificate)
        if given is not None:
            figures.certificates_expire({"https": given})
        lacking = names_lacking(settings.http.certificate, settings.names)
        if lacking:
            log.warning("https_certificate_lacks_names", names=list(lacking), do=NEW_CERTIFICATE)
        return settings.http.certificate, settings.http.key
    issuer = authority.load(authorities(settings), authority.HTTPS)
    outside = issuer.outside(settings.own_names)
    if outside:
        log.warning("https_authority_lacks_names", names=list(outside), do=NEW_HTTPS)
    pair = issuer.issue_https_certificate(settings.own_names, now=now)
    folder = settings.data / "https"
    certificate, key = folder / "server.crt", folder / "server.key"
    write_private(certificate, pair.chain)
    write_private(key, pair.key)
    figures.certificates_expire({"https": pair.not_after})
    return certificate, key
