"""Certificates are made of small modifiers: each says one thing of one extension or field.

Validity is generous where devices check it: a device whose clock is years off must still connect
(its clock is then reported, and never believed). Device certificates are short: there our own clock
checks.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEVICE_URI: Final = "urn:vigie:device:"
"""A device certificate's URI is this and the device's id."""

DEVICE_LIFETIME: Final = timedelta(days=90)
DEVICE_BACKDATED: Final = timedelta(days=1)
CLOCKS_BEHIND: Final = timedelta(days=3650)
"""How far behind a device's clock may be for it to still connect."""
AUTHORITY_LIFETIME: Final = timedelta(days=30 * 365)
SERVER_LIFETIME: Final = timedelta(days=20 * 365)
HTTPS_LIFETIME: Final = timedelta(days=397)

Modifier = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


def named(common_name: str) -> x509.Name:
    """A subject of this common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def signed(
    *,
    subject: str,
    public_key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    modifiers: Iterable[Modifier],
) -> x509.Certificate:
    """A certificate of this key with these properties, with a random serial number."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    for modify in modifiers:
        builder = modify(builder)
    return builder.sign(issuer_key, hashes.SHA256())


def valid(*, now: datetime, backdated: timedelta, lifetime: timedelta) -> Modifier:
    """Valid from `backdated` before now until `lifetime` after."""
    return lambda builder: builder.not_valid_before(now - backdated).not_valid_after(now + lifetime)


def authority(*, names_only: Iterable[str] = ()) -> Modifier:
    """May sign leaves and nothing else; with `names_only`, only of these names and addresses."""

    def modify(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).add_extension(_key_usage(signs_certificates=True), critical=True)
        permitted = [_constraint(name) for name in names_only]
        if not permitted:
            return builder
        return builder.add_extension(
            x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None),
            critical=True,
        )

    return modify


def leaf(usage: x509.ObjectIdentifier) -> Modifier:
    """Signs nothing, and is good for one use alone."""
    return lambda builder: (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    )


def of_device(device_id: str) -> Modifier:
    """Names a device by its URI, and has no DNS name that a server could pretend with."""
    name = x509.UniformResourceIdentifier(DEVICE_URI + device_id)
    return lambda builder: builder.add_extension(
        x509.SubjectAlternativeName([name]), critical=False
    )


def of_server(names: Iterable[str]) -> Modifier:
    """Answers to these DNS names and IP addresses."""
    general = [_general_name(name) for name in names]
    return lambda builder: builder.add_extension(
        x509.SubjectAlternativeName(general), critical=False
    )


CLIENT: Final = leaf(ExtendedKeyUsageOID.CLIENT_AUTH)
SERVER: Final = leaf(ExtendedKeyUsageOID.SERVER_AUTH)


def device_id_of(certificate: x509.Certificate) -> str | None:
    """The device that the certificate names; None when it names none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or not uris[0].startswith(DEVICE_URI):
        return None
    return uris[0].removeprefix(DEVICE_URI)


def serial_text(certificate: x509.Certificate) -> str:
    """The serial number as the store keeps it: lower-case hexadecimal."""
    return f"{certificate.serial_number:x}"


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _general_name(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _constraint(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(ip_network(address))


def outside(certificate: x509.Certificate, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names for which this authority's leaves are refused by whoever trusts it."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return ()
    permitted = constraints.permitted_subtrees or []
    zones = [one.value.lower() for one in permitted if isinstance(one, x509.DNSName)]
    networks = [
        one.value
        for one in permitted
        if isinstance(one, x509.IPAddress) and isinstance(one.value, IPv4Network | IPv6Network)
    ]
    return tuple(name for name in names if not _within(name, zones, networks))


def not_named(certificate: x509.Certificate, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that a server's certificate is not for."""
    try:
        told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return tuple(names)
    hosts = {host.lower() for host in told.get_values_for_type(x509.DNSName)}
    addresses = set(told.get_values_for_type(x509.IPAddress))
    return tuple(
        name
        for name in names
        if _address(name) not in addresses
        and not {name.lower(), f"*.{name.lower().partition('.')[2]}"} & hosts
    )


def _within(name: str, zones: Sequence[str], networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """As RFC 5280 has it: a kind of name that no constraint speaks of is free."""
    address = _address(name)
    if address is not None:
        return not networks or any(address in network for network in networks)
    host = name.lower()
    return not zones or any(host == zone or host.endswith(f".{zone}") for zone in zones)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
