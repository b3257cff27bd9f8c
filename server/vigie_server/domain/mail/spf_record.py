"""The syntax of an SPF record (RFC 7208, sections 4.6 and 12)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

MAX_CHARACTERS: Final = 4_096
"""Far beyond what any answer should hold (RFC 7208, section 3.4, asks for 450 octets)."""

_VERSION: Final = re.compile(r"v=spf1(?= |$)", re.IGNORECASE)
_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)")
_MECHANISM: Final = re.compile(r"([+\-~?]?)([A-Za-z][A-Za-z0-9\-_.]*)([:/].*)?")
_TARGET: Final = re.compile(r"(?::(.+?))?(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?")
_MACRO: Final = re.compile(
    r"%\{[slodiphcrtv](?:[1-9][0-9]{0,2}|0)?r?[.\-+,/_=]*\}|%%|%_|%-", re.IGNORECASE
)
_LITERAL: Final = re.compile(r"[\x21-\x24\x26-\x7e]*")
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NAME_CHARACTERS: Final = 253
_WIDE: Final = {False: 8, True: 12}  # bits of an IPv4 and of an IPv6 network


class Qualifier(StrEnum):
    """What a sender that matches gets."""

    PASS = "+"  # noqa: S105 (a sign)
    FAIL = "-"
    SOFT_FAIL = "~"
    NEUTRAL = "?"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One term that senders match or not. `target` is a domain, or a network of ip4 and ip6."""

    qualifier: Qualifier
    name: str
    target: str
    term: str

    @property
    def looks_up(self) -> bool:
        """Whether it counts against the ten look-ups (RFC 7208, section 4.6.4)."""
        return self.name in {"include", "a", "mx", "ptr", "exists"}

    @property
    def matches_everybody(self) -> bool:
        """`all`, or a network wider than anybody's: two halves of the Internet are all of it."""
        return self.name == "all" or self._bits < _WIDE[self.name == "ip6"]

    @property
    def _bits(self) -> int:
        network = self.term.partition("/")[2].partition("//")[0]
        return int(network) if network.isdigit() else 128


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record that can be read."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str | None = None


class SpfMalformed(ValueError):
    """The record cannot be read; the text is the term that is wrong."""


def is_spf(record: str) -> bool:
    """Whether a TXT record is meant as SPF (RFC 7208, section 4.5)."""
    return _VERSION.match(record) is not None


def has_macro(target: str) -> bool:
    """Whether the name depends on who sends: it cannot be followed beforehand."""
    return "%" in target


def read_spf(record: str) -> SpfRecord:
    """The terms of a record. Raises SpfMalformed."""
    if len(record) > MAX_CHARACTERS:
        raise SpfMalformed(record[:40])
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in record.split(" ")[1:]:
        if not term:
            continue
        if modifier := _MODIFIER.fullmatch(term):
            name = modifier[1].lower()
            if name not in {"redirect", "exp"}:
                if not _is_macro_text(modifier[2]):
                    raise SpfMalformed(term)
                continue
            if name in modifiers or not _is_domain(modifier[2]):
                raise SpfMalformed(term)
            modifiers[name] = modifier[2]
        else:
            mechanisms.append(_mechanism(term))
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect"))


def _mechanism(term: str) -> Mechanism:
    matched = _MECHANISM.fullmatch(term)
    if matched is None:
        raise SpfMalformed(term)
    name, rest = matched[2].lower(), matched[3] or ""
    target = rest
    match name:
        case "all":
            fits = not rest
        case "ip4" | "ip6":
            target = rest[1:]
            fits = rest.startswith(":") and _is_network(name, target)
        case "include" | "exists" | "ptr":
            target = rest[1:]
            fits = _is_domain(target) if rest.startswith(":") else name == "ptr" and not rest
        case "a" | "mx":
            parts = _TARGET.fullmatch(rest)
            target = parts[1] or "" if parts else ""
            fits = (
                parts is not None
                and (not target or _is_domain(target))
                and (not rest.startswith(":") or bool(target))
                and int(parts[2] or 0) <= 32  # noqa: PLR2004 (bits of an address)
                and int(parts[3] or 0) <= 128  # noqa: PLR2004 (bits of an address)
            )
        case _:
            fits = False
    if not fits:
        raise SpfMalformed(term)
    return Mechanism(Qualifier(matched[1] or "+"), name, target, term)


def _is_network(name: str, target: str) -> bool:
    address, slash, bits = target.partition("/")
    most = 32 if name == "ip4" else 128
    if slash and (re.fullmatch(r"0|[1-9][0-9]{0,2}", bits) is None or int(bits) > most):
        return False
    try:
        IPv4Address(address) if name == "ip4" else IPv6Address(address)
    except ValueError:
        return False
    return "%" not in address  # no scope


def _is_macro_text(text: str) -> bool:
    return _LITERAL.fullmatch(_MACRO.sub("", text)) is not None


def _is_domain(text: str) -> bool:
    """A name that can be asked for, or one that macros make (RFC 7208, section 7.1)."""
    if not text or len(text) > _NAME_CHARACTERS or not _is_macro_text(text):
        return False
    if has_macro(text):
        return True
    labels = text.removesuffix(".").split(".")
    return len(labels) > 1 and all(_HOST.fullmatch(label) for label in labels)
