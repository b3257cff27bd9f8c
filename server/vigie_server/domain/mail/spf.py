"""Q07-spf: who may send in the domain's name is published, and others are refused (RFC 7208).

The record is walked as a receiver would for a sender that nobody named: what this stranger gets
decides. An `include` whose own record lets strangers in lets them in here; a `redirect` answers
for the domain; macros depend on the sender, so their names are counted and not followed.
"""

from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.dns import Kind, Known, Outcome
from vigie_server.domain.mail.findings import Finding, kept, said
from vigie_server.domain.mail.spf_record import (
    Mechanism,
    Qualifier,
    SpfMalformed,
    SpfRecord,
    has_macro,
    is_spf,
    read_spf,
)
from vigie_server.domain.verdicts import Status

MOST_LOOK_UPS: Final = 10
"""RFC 7208, section 4.6.4: beyond, receivers give up on the record."""

_REFUSED: Final = frozenset({Qualifier.FAIL, Qualifier.SOFT_FAIL})


class _Stop(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


def spf(domain: str, known: Known) -> Finding:
    """Passes where a stranger gets `fail` or `softfail`. Raises NotAsked."""
    walk = _Walk(known, domain)
    try:
        record, read = walk.record_of(domain, by=None)
        walk.shown = kept(record)
        stranger = walk.stranger(domain, read, ())
    except _Stop as stopped:
        detail = ({"name": domain, "record": walk.shown},) if walk.shown else ()
        return Finding(stopped.finding.status, stopped.finding.reason, detail)
    detail = ({"name": domain, "record": walk.shown, "look_ups": str(walk.look_ups)},)
    if stranger in _REFUSED:
        texts = reasons.SPF_STRICT if stranger is Qualifier.FAIL else reasons.SPF_SOFT
        reason = said(texts, domain=domain, count=walk.look_ups)
        return Finding(Status.PASS, reason, detail)
    if stranger is Qualifier.PASS:
        return Finding(Status.FAIL, said(reasons.SPF_OPEN, domain=domain, term=walk.by), detail)
    return Finding(Status.FAIL, said(reasons.SPF_NEUTRAL, domain=domain), detail)


class _Walk:
    """One walk over a domain's record and all that it names."""

    def __init__(self, known: Known, domain: str) -> None:
        self._known = known
        self._domain = domain
        self.look_ups = 0
        self.shown = ""
        self.by = ""

    def record_of(self, name: str, *, by: str | None) -> tuple[str, SpfRecord]:
        """The one SPF record of a name; `by` is the term that leads to it."""
        answer = self._known.answer(name, Kind.TXT)
        if not answer.known:
            texts = reasons.DNS_TIMEOUT if answer.outcome is Outcome.TIMEOUT else reasons.DNS_FAILED
            raise _Stop(Finding(Status.UNKNOWN, said(texts, name=name, kind="TXT")))
        records = [record for record in answer.records if is_spf(record)]
        if not records:
            texts = reasons.SPF_NONE if by is None else reasons.SPF_TARGET_NONE
            raise self._failed(texts, name=name, term=by)
        if len(records) > 1:
            raise self._failed(reasons.SPF_SEVERAL, name=name, count=len(records))
        try:
            return records[0], read_spf(records[0])
        except SpfMalformed as wrong:
            if by is None:
                self.shown = kept(records[0])
            raise self._failed(reasons.SPF_SYNTAX, name=name, term=str(wrong)) from wrong

    def stranger(self, name: str, record: SpfRecord, path: tuple[str, ...]) -> Qualifier:
        """What a sender gets that matches no network and no name of the record."""
        for mechanism in record.mechanisms:
            if mechanism.looks_up:
                self._count()
            if self._matches_stranger(mechanism, name, path):
                self.by = self.by or mechanism.term
                return mechanism.qualifier
        if record.redirect is None:
            return Qualifier.NEUTRAL  # RFC 7208, section 4.7
        self._count()
        if has_macro(record.redirect):
            raise _Stop(
                Finding(Status.UNKNOWN, said(reasons.SPF_REDIRECT_MACRO, term=record.redirect))
            )
        return self._follow(record.redirect, f"redirect={record.redirect}", (*path, name))

    def _matches_stranger(self, mechanism: Mechanism, name: str, path: tuple[str, ...]) -> bool:
        if mechanism.name == "include" and not has_macro(mechanism.target):
            found = self._follow(mechanism.target, mechanism.term, (*path, name))
            return found is Qualifier.PASS
        return mechanism.matches_everybody

    def _follow(self, target: str, term: str, path: tuple[str, ...]) -> Qualifier:
        name = target.lower().rstrip(".")
        if name in path:
            raise self._failed(reasons.SPF_LOOP, name=name, term=term)
        by_before = self.by
        _, record = self.record_of(name, by=term)
        found = self.stranger(name, record, path)
        if found is not Qualifier.PASS:
            self.by = by_before
        return found

    def _count(self) -> None:
        self.look_ups += 1
        if self.look_ups > MOST_LOOK_UPS:
            raise self._failed(reasons.SPF_LOOK_UPS, most=MOST_LOOK_UPS)

    def _failed(self, texts: Texts, **values: object) -> _Stop:
        return _Stop(Finding(Status.FAIL, said(texts, domain=self._domain, **values)))
