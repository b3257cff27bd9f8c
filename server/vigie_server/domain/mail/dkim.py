"""Q07-dkim: the keys that sign the domain's mail are published and strong enough.

RFC 6376, section 3.6.1 (the record), RFC 8301 (SHA-1 is over, RSA of at least 1024 bits and better
2048), RFC 8463 (Ed25519).
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.dns import Kind, Known, Outcome
from vigie_server.domain.mail.findings import Finding, kept, said, worst
from vigie_server.domain.mail.spf_record import is_spf
from vigie_server.domain.mail.tags import TagsMalformed, read_tags
from vigie_server.domain.verdicts import Status

LEAST_BITS: Final = 1024
ADVISED_BITS: Final = 2048
MOST_BITS: Final = 4096
"""RFC 8301, section 3.2: beyond, receivers need not be able to verify."""

_ED25519_OCTETS: Final = 32
_SPACE: Final = re.compile(r"[ \t\r\n]+")


def dkim(domain: str, selectors: Sequence[str], known: Known) -> Finding:
    """Passes where every given selector has a key in force. Raises NotAsked."""
    if not selectors:
        if sends_nothing(domain, known):
            return Finding(Status.NOT_APPLICABLE, said(reasons.SENDS_NOTHING, domain=domain))
        return Finding(Status.UNKNOWN, said(reasons.DKIM_NO_SELECTOR, domain=domain))
    return worst([_of_selector(f"{selector}._domainkey.{domain}", known) for selector in selectors])


def sends_nothing(domain: str, known: Known) -> bool:
    """Whether the domain says that it neither sends nor takes mail: `-all` alone and a null MX."""
    records = [record for record in known.answer(domain, Kind.TXT).records if is_spf(record)]
    if len(records) != 1 or records[0].lower().split() != ["v=spf1", "-all"]:
        return False
    return known.answer(domain, Kind.MX).records == ("0 ",)


def _of_selector(name: str, known: Known) -> Finding:
    answer = known.answer(name, Kind.TXT)
    if not answer.known:
        texts = reasons.DNS_TIMEOUT if answer.outcome is Outcome.TIMEOUT else reasons.DNS_FAILED
        return Finding(Status.UNKNOWN, said(texts, name=name, kind="TXT"))
    # RFC 6376, section 3.6.2.2: with several records the result is undefined.
    if len(answer.records) != 1:
        texts = reasons.DKIM_SEVERAL if answer.records else reasons.DKIM_NONE
        return Finding(Status.FAIL, said(texts, name=name, count=len(answer.records)))
    record = answer.records[0]
    detail = ({"name": name, "record": kept(record)},)
    try:
        tags = read_tags(record)
    except TagsMalformed as wrong:
        return Finding(Status.FAIL, said(reasons.DKIM_SYNTAX, name=name, what=str(wrong)), detail)
    problem = _problem(tags, name)
    if problem is not None:
        return Finding(Status.FAIL, problem, detail)
    return _of_key(tags, name, detail)


def _problem(tags: Mapping[str, str], name: str) -> Mapping[str, str] | None:
    """What keeps receivers from using the record, whatever its key."""
    if "p" not in tags or ("v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1")):
        return said(reasons.DKIM_SYNTAX, name=name, what="v, p")
    if not tags["p"]:
        return said(reasons.DKIM_REVOKED, name=name)
    if "y" in _listed(tags.get("t", "")):
        return said(reasons.DKIM_TESTING, name=name)
    if "h" in tags and "sha256" not in _listed(tags["h"]):
        return said(reasons.DKIM_HASH, name=name, hashes=tags["h"])
    if "s" in tags and not _listed(tags["s"]) & {"*", "email"}:
        return said(reasons.DKIM_SERVICE, name=name, service=tags["s"])
    return None


def _of_key(tags: Mapping[str, str], name: str, detail: tuple[Mapping[str, str], ...]) -> Finding:
    kind = tags.get("k", "rsa").lower()
    octets = _octets(tags["p"])
    if kind == "ed25519":
        if octets is None or len(octets) != _ED25519_OCTETS:
            return Finding(Status.FAIL, said(reasons.DKIM_KEY, name=name), detail)
        return Finding(Status.PASS, said(reasons.DKIM_ED25519, name=name), detail)
    if kind != "rsa":
        return Finding(Status.FAIL, said(reasons.DKIM_KIND, name=name, kind=kind), detail)
    bits = None if octets is None else _rsa_bits(octets)
    if bits is None:
        return Finding(Status.FAIL, said(reasons.DKIM_KEY, name=name), detail)
    if bits < LEAST_BITS:
        texts, status = reasons.DKIM_SHORT, Status.FAIL
    elif bits > MOST_BITS:
        texts, status = reasons.DKIM_LONG, Status.FAIL
    elif bits < ADVISED_BITS:
        texts, status = reasons.DKIM_FAIR, Status.PASS
    else:
        texts, status = reasons.DKIM_GOOD, Status.PASS
    limits = {"least": LEAST_BITS, "advised": ADVISED_BITS, "most": MOST_BITS}
    reason = said(texts, name=name, bits=bits, **limits)
    return Finding(status, reason, detail)


def _listed(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(":")}


def _octets(text: str) -> bytes | None:
    try:
        return base64.b64decode(_SPACE.sub("", text).encode("latin-1"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _rsa_bits(der: bytes) -> int | None:
    """The length of an RSA key; None where it is none."""
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None
