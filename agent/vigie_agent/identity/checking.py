"""Whether what the server issued can be used, before it is kept."""

from cryptography import x509

from vigie_agent.domain.errors import IdentityUnusable
from vigie_agent.domain.identity import Identity, Issued
from vigie_agent.identity import keys


def checked_identity(issued: Issued, key: bytes) -> Identity:
    """The identity, if it can be used: the certificate is this key's, and names authorities.

    Raises IdentityUnusable.
    """
    try:
        leaf = x509.load_der_x509_certificate(issued.certificate_chain[0])
        authorities = [x509.load_der_x509_certificate(der) for der in issued.trust_bundle]
    except (ValueError, IndexError) as error:
        raise IdentityUnusable("the server issued something that is no certificate") from error
    if not keys.belongs(key, leaf):
        raise IdentityUnusable("the certificate was issued for another key")
    if not (authorities and issued.device_id and issued.telemetry_endpoints):
        raise IdentityUnusable("the server left out its authority, its address or the device's id")
    return Identity(
        issued=issued,
        key=key,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )
