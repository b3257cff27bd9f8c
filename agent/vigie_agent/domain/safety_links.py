"""Joins of driven tables with each other by what drives them: `ON h.path = f.path`.

SQLite does not say what a driving column is compared with when it is no constant. Such a join is
harmless all the same when both sides are driven tables: then one is only asked for what the other,
proved to stay inside its places, has given. It must be written so that nobody can take it for
something else: two aliases, each given once to a driven table and to nothing else in the statement,
and the comparison alone, a condition of its own, directly in an ON or WHERE that knows no OR.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.safety_tokens import Edit, Token

_BEFORE_A_TABLE: Final = frozenset({"FROM", "JOIN", ","})
_CLAUSES: Final = frozenset({"ON", "WHERE"})
_ENDS_OF_A_CLAUSE: Final = frozenset(
    {
        *("JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "OUTER", "ON", "WHERE"),
        *("GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT", ","),
    }
)
_UNCLEAR: Final = frozenset({"OR", "NOT", "CASE", "BETWEEN"})
_NOT_AN_ALIAS: Final = frozenset({"USING", "INDEXED", *_ENDS_OF_A_CLAUSE})
_SPELLED, _NAMES = 7, (0, 2, 4, 6)  # the tokens of `a . x = b . y`

Driven = Mapping[str, Collection[str]]
"""By driven table, its driving columns."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One use of a driven table, under an alias that means nothing else."""

    alias: str
    table: str
    named_at: Token

    @property
    def name(self) -> str:
        """A name that no table has."""
        return f"{self.table}#{self.alias}"

    @property
    def edit(self) -> Edit:
        """Puts that name in the place of the table's."""
        return Edit(self.named_at.start, self.named_at.end, f'"{self.name}"')


@dataclass(frozen=True, slots=True)
class Link:
    """A condition `left = right` between the driving columns of two instances."""

    left: Instance
    right: Instance
    start: int
    end: int

    @property
    def edit(self) -> Edit:
        """Takes the condition away."""
        return Edit(self.start, self.end, "1")


def links_in(tokens: tuple[Token, ...], driven: Driven) -> tuple[Link, ...]:
    """The joins between driven tables, by driving columns of one name."""
    instances = {instance.alias: instance for instance in _instances(tokens, driven)}
    return tuple(_links(tokens, instances, driven)) if len(instances) > 1 else ()


def _instances(tokens: tuple[Token, ...], driven: Driven) -> Iterator[Instance]:
    for before, token, first, second in zip(
        tokens, tokens[1:], tokens[2:], [*tokens[3:], tokens[-1]], strict=False
    ):
        if before.word not in _BEFORE_A_TABLE or token.word.lower() not in driven:
            continue
        alias = second if first.word == "AS" else first
        if alias.is_plain and alias.word not in _NOT_AN_ALIAS and _is_only(tokens, alias):
            yield Instance(alias.word.lower(), token.word.lower(), token)


def _is_only(tokens: tuple[Token, ...], alias: Token) -> bool:
    """Whether the word stands, in whatever quotes, only before a dot and where it is declared."""
    return all(
        token is alias or (follower is not None and follower.text == ".")
        for token, follower in zip(tokens, [*tokens[1:], None], strict=True)
        if token.unquoted.lower() == alias.unquoted.lower()
    )


def _links(
    tokens: tuple[Token, ...], instances: Mapping[str, Instance], driven: Driven
) -> Iterator[Link]:
    for clause in _clauses(tokens):
        for term in _terms(clause):
            if len(term) != _SPELLED or not all(term[place].is_plain for place in _NAMES):
                continue
            a, dot, x, equals, b, point, y = (token.word.lower() for token in term)
            left, right = instances.get(a), instances.get(b)
            if (dot, equals, point) != (".", "=", ".") or x != y or a == b or not left or not right:
                continue
            if x in driven[left.table] and x in driven[right.table]:
                yield Link(left, right, term[0].start, term[-1].end)


def _clauses(tokens: tuple[Token, ...]) -> Iterator[list[Token]]:
    """What stands in each ON and WHERE."""
    for start, token in enumerate(tokens):
        if token.word not in _CLAUSES:
            continue
        depth, clause = 0, list[Token]()
        for each in tokens[start + 1 :]:
            depth += (each.text == "(") - (each.text == ")")
            if depth < 0 or (depth == 0 and each.word in _ENDS_OF_A_CLAUSE):
                break
            clause.append(each)
        yield clause


def _terms(clause: list[Token]) -> list[list[Token]]:
    """The conditions that must all hold; none where, brackets apart, one alone may be enough."""
    depth, terms = 0, [list[Token]()]
    for token in clause:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.word in _UNCLEAR:
            return []
        if depth == 0 and token.word == "AND":
            terms.append([])
        else:
            terms[-1].append(token)
    return terms
