"""The page of the audit: who did what."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from vigie_server.console.presenters.acts import act_seen
from vigie_server.console.shell import Shell, Visit
from vigie_server.console.walking import Walk
from vigie_server.ports.lists import ActsWanted, AuditTrail
from vigie_server.web.audit import WATCHERS

PAGE: Final = 100
FILTERS: Final = ("actor", "subject")


def audit_page(shell: Shell, trail: AuditTrail) -> APIRouter:
    """The page of the audit, for administrators and auditors of every site."""
    router = shell.router()
    Watcher = Annotated[Visit, Depends(shell.visit(WATCHERS))]  # noqa: N806 (a type)

    @router.get("/audit")
    def audit(request: Request, visit: Watcher) -> Response:
        """Acts, the newest first."""
        if visit.caller.sites is not None:
            raise HTTPException(403, "the audit tells of every site: your scope does not")
        walk = Walk.of(request)
        chosen = dict.fromkeys(FILTERS, "") | dict(walk.filters)
        page = trail.acts(
            ActsWanted(chosen["actor"] or None, chosen["subject"] or None),
            after=walk.place((int, int)),
            limit=PAGE,
        )
        return shell.page(
            visit,
            "audit.html",
            acts=[(act, act_seen(act, visit.words.language)) for act in page.items],
            walk=walk,
            next=walk.next(page.after),
            chosen=chosen,
        )

    return router
