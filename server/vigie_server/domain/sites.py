"""A site, as people declare it: who runs it, where it is, by what its network is known."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, TypeVar

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.finess import finess
from vigie_server.domain.regions import Regions, region

NAME_CHARACTERS: Final = 200
MOST: Final = 256
"""Networks, gateways or contacts of one site."""
MOST_DEVICES: Final = 10_000_000

Read = TypeVar("Read")

_HARDWARE_ADDRESS: Final = re.compile(r"[0-9a-f]{12}")
_BETWEEN: Final = re.compile(r"[:.\- ]")
_MAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 .()\-]{1,30}")


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to reach about a site; a function rather than a person where there is one."""

    name: str
    email: str = ""
    phone: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A facility. `region` is an INSEE code; networks are CIDR, gateways hardware addresses."""

    name: str
    body: str = ""
    region: str = ""
    finess: str = ""
    networks: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    declared_devices: int | None = None
    contacts: tuple[Contact, ...] = ()


def checked(site: Site, regions: Regions) -> Site:
    """The site with every value in its one form. Raises DeclarationRefused, naming the value."""
    return Site(
        name=name_of("site", site.name),
        body=name_of("managing body", site.body) if site.body.strip() else "",
        region=_read("region", site.region, lambda text: region(text, regions)),
        finess=_read("FINESS number", site.finess, finess) if site.finess.strip() else "",
        networks=_each("network", site.networks, _network),
        gateways=_each("gateway", site.gateways, hardware_address),
        declared_devices=_count(site.declared_devices),
        contacts=_bounded("contact", [_contact(contact) for contact in site.contacts]),
    )


def name_of(what: str, text: str) -> str:
    """A name as it is kept. Raises DeclarationRefused where it cannot be one."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_CHARACTERS or "/" in name or not name.isprintable():
        raise DeclarationRefused(
            f"the name of a {what} has 1 to {NAME_CHARACTERS} printable characters, and no `/`"
        )
    return name


def hardware_address(text: str) -> str:
    """`00:1a:2b:3c:4d:5e`, of any usual way to write it. Raises ValueError."""
    bare = _BETWEEN.sub("", text.strip().lower())
    if _HARDWARE_ADDRESS.fullmatch(bare) is None:
        raise ValueError("a hardware address is written 00:1a:2b:3c:4d:5e")
    if int(bare[:2], 16) & 1 or bare == "0" * 12:
        raise ValueError("it is not the address of one device (a group address, or zeros)")
    return ":".join(bare[place : place + 2] for place in range(0, 12, 2))


def _network(text: str) -> str:
    given = text.strip()
    try:
        return str(ip_network(given))
    except ValueError as error:
        try:
            base = ip_network(given, strict=False)
        except ValueError:
            raise ValueError("a network is written 192.168.1.0/24 or 2001:db8:1::/48") from error
        raise ValueError(f"the network that holds this address is {base}") from error


def _contact(contact: Contact) -> Contact:
    email, phone = contact.email.strip(), contact.phone.strip()
    if not email and not phone:
        raise DeclarationRefused(f"contact {contact.name!r}: give an e-mail address or a telephone")
    if email and _MAIL.fullmatch(email) is None:
        raise DeclarationRefused(f"contact {contact.name!r}: {email!r} is not an e-mail address")
    if phone and _PHONE.fullmatch(phone) is None:
        raise DeclarationRefused(f"contact {contact.name!r}: {phone!r} is not a telephone number")
    about = " ".join(contact.about.split())[:NAME_CHARACTERS]
    return Contact(name_of("contact", contact.name), email, phone, about)


def _count(devices: int | None) -> int | None:
    if devices is not None and not 0 <= devices <= MOST_DEVICES:
        raise DeclarationRefused(f"the declared number of devices is 0 to {MOST_DEVICES}")
    return devices


def _read(what: str, text: str, reading: Callable[[str], str]) -> str:
    try:
        return reading(text)
    except ValueError as error:
        raise DeclarationRefused(f"{what} {text.strip()!r}: {error}") from error


def _each(what: str, texts: Iterable[str], reading: Callable[[str], str]) -> tuple[str, ...]:
    read = dict.fromkeys(_read(what, text, reading) for text in texts)
    return _bounded(what, list(read))


def _bounded(what: str, values: Sequence[Read]) -> tuple[Read, ...]:
    if len(values) > MOST:
        raise DeclarationRefused(f"a site has at most {MOST} {what}s")
    return tuple(values)
