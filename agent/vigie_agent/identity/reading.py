"""Reads X.509 certificates for people: who issued one, until when, and whose it is."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from vigie_agent.domain.findings import Certificate


class X509Reading:
    """See `vigie_agent.services.doctor.Certificates`."""

    def read(self, der: bytes) -> Certificate:
        """What matters of a DER certificate. Raises ValueError when it is none."""
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            issuer=certificate.issuer.rfc4514_string(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )

    def is_issued_by(self, der: bytes, authority: bytes) -> bool:
        """Whether the certificate `authority` signed the certificate `der`."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(x509.load_der_x509_certificate(authority))
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True
