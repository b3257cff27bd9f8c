"""Whether this agent may run a statement. Default: no.

Every statement, whoever wrote it (a shipped pack, the server, a live question, the command line),
passes `check` first. An approved statement is one SELECT that
- reads only tables and columns of the allow-list (`safety_tables`) and calls only pure functions;
- points every table that is driven by a path or key (`file`, `hash`, `registry`, ...) at places
  that are shipped in the agent (`safety_places`), by constants: `=`, `LIKE`, or `IN` with a list.

The proof rests on SQLite's own reading of the statement (`safety_prepare`, `safety_proof`).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from vigie_agent.domain.safety_proof import NotProved, Statement, prove
from vigie_agent.domain.safety_tokens import Kind, Unreadable, tokens_of

MAX_SQL_LENGTH: Final = 64 * 1024
"""Characters; the longest shipped query has a tenth of that."""

MAX_LIST_LENGTH: Final = 500
"""Literals in one `IN` list: each may cost one more preparation."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A statement that may run as it stands in `sql`, and the tables it reads, in lower case."""

    sql: str
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A statement that must not run. `reason` says what to change."""

    reason: str


@lru_cache(maxsize=512)
def check(sql: str, *, platform: str) -> Approved | Refused:
    """Whether `sql` may run on `platform` (`linux`, `darwin` or `windows`). Never raises on SQL."""
    try:
        statement = _one_statement(sql)
        return Approved(statement.sql, prove(statement, platform))
    except (_NotOneStatement, NotProved, Unreadable) as refusal:
        return Refused(str(refusal))


class _NotOneStatement(Exception):
    """The text says what the statement is instead."""


def _one_statement(sql: str) -> Statement:
    """The statement without the semicolon or comment after it."""
    if len(sql) > MAX_SQL_LENGTH:
        raise _NotOneStatement(f"it is longer than {MAX_SQL_LENGTH} characters")
    if any(character < " " and character not in "\t\n\r" for character in sql):
        raise _NotOneStatement("it holds control characters")
    if any("\ud800" <= character <= "\udfff" for character in sql):
        raise _NotOneStatement("it is not well-formed Unicode")
    tokens = tuple(tokens_of(sql))
    while tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    if not tokens:
        raise _NotOneStatement("it is empty")
    if any(token.text == ";" for token in tokens):
        raise _NotOneStatement("it is more than one statement")
    if any(token.kind is Kind.PARAMETER for token in tokens):
        raise _NotOneStatement("it has parameters: write the values in it")
    statement = Statement(sql[: tokens[-1].end], tokens)
    if any(len(found.literals) > MAX_LIST_LENGTH for found in statement.lists):
        raise _NotOneStatement(f"a list in it is longer than {MAX_LIST_LENGTH}")
    return statement
