"""Q07-dmarc: receivers are asked to refuse or set aside what only pretends to be the domain's.

RFC 9989. The policy is the domain's own, else that of its organizational domain, found by the tree
walk of section 4.10: no list of public suffixes is needed. `pct` is gone from RFC 9989, but
receivers of RFC 7489 still follow it: a policy for a part of the mail is none for the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.dns import Kind, Known, Outcome
from vigie_server.domain.mail.findings import Finding, kept, said
from vigie_server.domain.mail.tags import TagsMalformed, read_tags
from vigie_server.domain.verdicts import Status

MOST_NAMES: Final = 8
"""Names that the tree walk asks for (RFC 9989, section 4.10)."""

ENFORCED: Final = frozenset({"quarantine", "reject"})
_POLICIES: Final = frozenset({"none", *ENFORCED})
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class _Published:
    """A policy record that can be read, and where it is."""

    owner: str
    record: str
    tags: Mapping[str, str]


def dmarc(domain: str, known: Known) -> Finding:
    """Passes with `quarantine` or `reject` for all mail. Raises NotAsked.

    `none` asks receivers for reports and for nothing else: it is a fail that says so.
    """
    walked = _tree_walk(domain, known)
    if isinstance(walked, Finding):
        return walked
    published = walked
    name = f"_dmarc.{published.owner}"
    detail = ({"name": name, "record": kept(published.record)},)
    inherited = published.owner != domain
    tag = "sp" if inherited and "sp" in published.tags else "p"
    # RFC 9989, section 4.7: `p` absent counts as `none`.
    policy = published.tags.get(tag, "none").lower()
    values = {"name": name, "policy": policy, "tag": tag, "domain": domain}
    if policy not in _POLICIES:
        return Finding(Status.FAIL, said(reasons.DMARC_POLICY, **values), detail)
    if policy not in ENFORCED:
        return Finding(Status.FAIL, said(reasons.DMARC_WATCHES, **values), detail)
    if published.tags.get("t", "n").lower() == "y":
        return Finding(Status.FAIL, said(reasons.DMARC_TESTING, **values), detail)
    share = published.tags.get("pct", str(_WHOLE))
    if not (share.isascii() and share.isdigit() and int(share[:9]) >= _WHOLE):
        return Finding(Status.FAIL, said(reasons.DMARC_SHARE, share=share, **values), detail)
    texts = reasons.DMARC_INHERITED if inherited else reasons.DMARC_ENFORCED
    return Finding(Status.PASS, said(texts, **values), detail)


def _tree_walk(domain: str, known: Known) -> _Published | Finding:
    """The record whose policy holds for the domain, or why there is none."""
    own = _at(domain, known)
    if own is not None:
        return own
    found: _Published | None = None
    for name in _parents(domain):
        above = _at(name, known)
        if isinstance(above, Finding):
            return above
        if above is None:
            continue
        found = above
        if above.tags.get("psd", "u").lower() in {"y", "n"}:
            break
    if found is None:
        return Finding(Status.FAIL, said(reasons.DMARC_NONE, domain=domain))
    return found


def _parents(domain: str) -> list[str]:
    """The names above, nearest first; of a very long name only the last ones."""
    labels = domain.split(".")[1:]
    labels = labels[-(MOST_NAMES - 1) :]
    return [".".join(labels[place:]) for place in range(len(labels))]


def _at(name: str, known: Known) -> _Published | Finding | None:
    """The policy record at a name; None where there is none that counts."""
    owner = f"_dmarc.{name}"
    answer = known.answer(owner, Kind.TXT)
    if not answer.known:
        texts = reasons.DNS_TIMEOUT if answer.outcome is Outcome.TIMEOUT else reasons.DNS_FAILED
        return Finding(Status.UNKNOWN, said(texts, name=owner, kind="TXT"))
    records = [record for record in answer.records if _is_dmarc(record)]
    if len(records) > 1:
        # RFC 9989, section 4.10: several are as none, which is more than a missing one: said so.
        return Finding(Status.FAIL, said(reasons.DMARC_SEVERAL, name=owner, count=len(records)))
    if not records:
        return None
    try:
        return _Published(name, records[0], read_tags(records[0]))
    except TagsMalformed as wrong:
        detail = ({"name": owner, "record": kept(records[0])},)
        return Finding(Status.FAIL, said(reasons.DMARC_SYNTAX, name=owner, what=str(wrong)), detail)


def _is_dmarc(record: str) -> bool:
    """RFC 9989, section 4.7: `v=DMARC1` comes first."""
    name, equals, version = record.partition(";")[0].partition("=")
    return bool(equals) and name.strip() == "v" and version.strip() == "DMARC1"
