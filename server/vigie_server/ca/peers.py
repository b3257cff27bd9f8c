"""Who speaks, read from the certificate of a connection that TLS has verified."""

from cryptography import x509

from vigie_server.ca.certificates import device_id_of, serial_text
from vigie_server.domain.errors import UnknownDevice
from vigie_server.ports.sessions import Peer


def peer_of(certificate_pem: bytes) -> Peer:
    """The device that the certificate names. Raises UnknownDevice when it names none."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        device_id = device_id_of(certificate)
    except ValueError as error:
        raise UnknownDevice("the certificate cannot be read") from error
    if device_id is None:
        raise UnknownDevice("the certificate is not a device's")
    return Peer(device_id, serial_text(certificate))
