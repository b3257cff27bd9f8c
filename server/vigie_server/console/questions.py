"""The pages of live questions: what may be asked, of whom, and the answers as they come.

Administrators and operators ask and read answers; auditors see what was asked of whom.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from vigie_server.console.forms import Fault, FormRefused, Sent, fault_of
from vigie_server.console.shell import Shell, Visit, address, gone_to
from vigie_server.console.walking import Walk
from vigie_server.domain.asking import Asking, Limits, Question, Target, question_of
from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.questions import ApprovedQuestion
from vigie_server.ports.asking import DeviceAnswer, QuestionStore
from vigie_server.ports.declaring import Act
from vigie_server.web.access import OVERSEERS, WRITERS, acting
from vigie_server.web.listing import count_rows

PAGE: Final = 50
WHOM: Final = ("site", "group", "device")
FIELDS: Final = ("question", "purpose", "whom", "of", "group_site")


@dataclass(frozen=True, slots=True)
class QuestionsSeen:
    """What these pages read and write."""

    store: QuestionStore
    approved: Mapping[str, ApprovedQuestion]
    limits: Limits
    new_id: Callable[[], str]


def questions_pages(shell: Shell, seen: QuestionsSeen) -> APIRouter:
    """The pages of questions that were asked."""
    router = shell.router()
    Overseer = Annotated[Visit, Depends(shell.visit(OVERSEERS))]  # noqa: N806 (a type)
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    @router.get("/questions")
    def questions(request: Request, visit: Overseer) -> Response:
        """What was asked, the newest first, and what may be asked."""
        walk = Walk.of(request)
        page = seen.store.questions(
            visit.caller.sites, now=shell.now(), after=walk.place((int,)), limit=PAGE
        )
        return shell.page(
            visit,
            "questions.html",
            asked=page.items,
            walk=walk,
            next=walk.next(page.after),
            approved=list(seen.approved.values()),
        )

    @router.get("/questions/of/{question_id}")
    def question(question_id: str, request: Request, visit: Overseer) -> Response:
        """One question, how far it has come, and its answers for who may read them."""
        walk = Walk.of(request)
        asked = seen.store.question(question_id, visit.caller.sites, now=shell.now())
        answers: Sequence[DeviceAnswer] = ()
        following = None
        if visit.writes:
            page = seen.store.answers(
                question_id, visit.caller.sites, after=walk.place((int,)), limit=PAGE
            )
            answers, following = page.items, walk.next(page.after)
            count_rows(request, len(answers))
        return shell.page(
            visit,
            "question.html",
            asked=asked,
            question=asked.question,
            answers=answers,
            walk=walk,
            next=following,
        )

    @router.post("/questions/of/{question_id}/cancel")
    def cancel(question_id: str, visit: Writer, sent: Form) -> Response:  # noqa: ARG001 (its token is checked)
        """Has no more devices asked."""
        seen.store.cancel(question_id, visit.caller.sites, acting(visit.caller, shell.now()))
        return gone_to(address("questions", "of", question_id), done="cancelled")

    return router


def ask_pages(shell: Shell, seen: QuestionsSeen) -> APIRouter:  # noqa: C901 (a route each)
    """The page that asks a question."""
    router = shell.router()
    Writer = Annotated[Visit, Depends(shell.visit(WRITERS))]  # noqa: N806 (a type)
    Form = Annotated[Sent, Depends(shell.form())]  # noqa: N806 (a type)

    def shown(visit: Visit, given: Mapping[str, str], **beside: Any) -> Response:
        chosen = seen.approved.get(given.get("question", ""))
        if chosen is None:
            raise NotFound(f"no question {given.get('question', '')}")
        parameters = {_field(name): "" for name in chosen.parameters}
        page: dict[str, Any] = {
            "chosen": chosen,
            "field_of": _field,
            "whom": WHOM,
            "given": dict.fromkeys(FIELDS, "") | {"whom": "site"} | parameters | dict(given),
            "fault": None,
            "found": None,
        }
        return shell.page(visit, "ask.html", **(page | beside))

    @router.get("/questions/ask")
    def form(
        visit: Writer,
        *,
        question: str = "",
        site: str = "",
        device: str = "",
        group: str = "",
    ) -> Response:
        """The form of one approved question."""
        given = {"question": question}
        for whom, of in (("device", device), ("group", group), ("site", site)):
            if of:
                given |= {"whom": whom, "of": of, "group_site": site if whom == "group" else ""}
                break
        return shown(visit, given)

    @router.post("/questions/ask")
    def ask(visit: Writer, sent: Form) -> Response:
        """Says whom a question goes to; asks it where it is asked to."""
        act = acting(visit.caller, shell.now())
        chosen = seen.approved.get(sent.text("question"))
        if chosen is None:
            raise NotFound(f"no question {sent.text('question')}")
        given = sent.given((*FIELDS, *map(_field, chosen.parameters)))
        try:
            target = _target(sent)
            question = _question(seen, chosen, sent, target, visit, act)
            store, within = seen.store, visit.caller.sites
            if sent.text("what") != "ask":
                return shown(visit, given, found=store.look(question, target, within, seen.limits))
            store.ask(question, target, within, seen.limits, act)
        except (FormRefused, DeclarationRefused) as error:
            return shown(visit, given, fault=fault_of(error, visit.words.language))
        except (NotFound, HTTPException):
            fault = Fault(visit.words("ask.nobody"), visit.words.language, "of")
            return shown(visit, given, fault=fault)
        return gone_to(address("questions", "of", question.id), done="asked")

    return router


def _field(parameter: str) -> str:
    """The field of a question's parameter."""
    return f"p-{parameter}"


def _target(sent: Sent) -> Target:
    whom = sent.choice("whom", "ask.whom", WHOM)
    of = sent.needed("of", "ask.of")
    match whom:
        case "device":
            return Target(devices=(of,))
        case "group":
            return Target(group=of, site=sent.text("group_site") or None)
        case _:
            return Target(site=of)


def _question(
    seen: QuestionsSeen,
    chosen: ApprovedQuestion,
    sent: Sent,
    target: Target,
    visit: Visit,
    act: Act,
) -> Question:
    values = {name: sent.text(_field(name)) for name in chosen.parameters}
    for name in chosen.parameters:
        with sent.beside(_field(name)):
            chosen.asked_with(values | dict.fromkeys(chosen.parameters.keys() - {name}, "x"))
    purpose = sent.needed("purpose", "ask.purpose")
    asking = Asking(target=target, purpose=purpose, question=chosen.id, parameters=values)
    return question_of(
        asking,
        seen.approved,
        seen.limits,
        question_id=seen.new_id(),
        asked_by=act.actor,
        role=visit.caller.role.value,
        now=act.at,
    )
