"""Approved questions: what operators may ask devices live, as data.

One file a question in `queries/questions`, its id the file's name. `sql` holds a SELECT a platform;
a platform that is not there is not asked. A `parameter` stands in the SQL as `{name}`, inside
quotes, and takes letters, digits and a few signs: no value of it can end the quotes. Whatever is
asked, each agent checks the SQL by its own allow-list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Texts, read_document
from vigie_server.domain.errors import DeclarationRefused, RulesMalformed
from vigie_server.domain.selectors import PLATFORMS
from vigie_server.domain.suggesting import meant

_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PLACE: Final = re.compile(r"\{([a-z]+)\}")
_VALUE: Final = re.compile(r"[\w.@+\- ]{1,80}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a question leaves open."""

    about: str
    example: str


@dataclass(frozen=True, slots=True)
class ApprovedQuestion:
    """A question, as people read it and as devices are asked it.

    `personal` says which personal data answers hold; None: none. `columns` say what they mean.
    """

    id: str
    title: Texts
    why: Texts
    personal: Texts | None
    columns: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    sql: Mapping[str, str]

    def asked_with(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """The SQL by platform with these values in it. Raises DeclarationRefused."""
        for name in values:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise DeclarationRefused(
                    f"question {self.id} has no parameter {name}{meant(name, self.parameters)} "
                    f"(it has {known})"
                )
        for name, parameter in self.parameters.items():
            if _VALUE.fullmatch(values.get(name, "").strip()) is None:
                raise DeclarationRefused(
                    f"question {self.id} needs {name} ({parameter.about}): 1 to 80 letters, "
                    f"digits, spaces and . @ _ + -, e.g. {parameter.example}"
                )
        given = {name: values[name].strip() for name in self.parameters}
        return {
            platform: _PLACE.sub(lambda place: given[place[1]], sql)
            for platform, sql in self.sql.items()
        }


def load_questions(folder: Path) -> Mapping[str, ApprovedQuestion]:
    """Every question of a folder, by id. Raises RulesMalformed."""
    found = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    if not found:
        raise RulesMalformed(f"{folder}: there is no question in it")
    return found


def approved(questions: Mapping[str, ApprovedQuestion], question_id: str) -> ApprovedQuestion:
    """The question of this id. Raises DeclarationRefused."""
    if question_id not in questions:
        raise DeclarationRefused(
            f"no question {question_id}{meant(question_id, questions)} "
            f"(there are {', '.join(questions)})"
        )
    return questions[question_id]


def _read(path: Path) -> ApprovedQuestion:
    document = read_document(path)
    if _ID.fullmatch(path.stem) is None:
        raise document.wrong("the file's name is the question's id: small letters, digits and `-`")
    parameters = {}
    for name, section in document.named_sections("parameters"):
        parameters[name] = Parameter(section.line_of_text("about"), section.text("example"))
        section.close()
    sql = {platform: " ".join(text.split()) for platform, text in document.texts("sql").items()}
    question = ApprovedQuestion(
        id=path.stem,
        title=document.both_languages("title"),
        why=document.both_languages("why"),
        personal=document.both_languages("personal") if "personal" in document else None,
        columns=document.texts("columns"),
        parameters=parameters,
        sql=sql,
    )
    document.close()
    if not sql or not PLATFORMS.issuperset(sql):
        raise document.wrong(
            f"has a SELECT for one or more of {', '.join(sorted(PLATFORMS))}", "sql"
        )
    for text in sql.values():
        if set(_PLACE.findall(text)) != set(parameters):
            raise document.wrong("names each parameter as {name}, on every platform", "sql")
    return question
