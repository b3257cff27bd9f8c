"""What secrets of people's apps are kept under: a key derived from the server's authority."""

from vigie_server.ca.authority import CertificateAuthority
from vigie_server.services.app_secrets import PURPOSE, AppSecrets, reseal
from vigie_server.store.app_secrets import HeldAppSecrets
from vigie_server.store.database import Database


def app_secrets_of(devices_authority: CertificateAuthority) -> AppSecrets:
    """Seals secrets of apps with a key that every server has which has this authority."""
    return AppSecrets(devices_authority.derived_key(PURPOSE))


def sealed_app_secrets(database: Database, devices_authority: CertificateAuthority) -> AppSecrets:
    """The same; what the store kept in clear until now is sealed or dropped. Raises StoreBusy."""
    secrets = app_secrets_of(devices_authority)
    held = HeldAppSecrets(database)
    reseal(held, secrets)
    held.drop_plain_id_tokens()
    return secrets
