"""What a message says, as it is kept until everybody has it: texts in both languages."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.notices.occurrences import Occurrence, What

NAMED: Final = 10
"""Devices, or domains, that a message names of those it is about; it counts all."""
MOST_PARTS: Final = 40
"""Rules, items and questions that one message tells of; it counts the others."""

Content = Mapping[str, Any]
"""JSON."""


def content_of(told: Sequence[Occurrence], titles: Mapping[str, Texts]) -> Content:
    """The content of a message about what happened. `titles` by what occurrences are of."""
    order = {what: place for place, what in enumerate(What)}
    parts: dict[tuple[int, str], list[Occurrence]] = {}
    for one in told:
        parts.setdefault((order[one.what], one.of), []).append(one)
    told_of = [
        _part(found, titles)
        for _, found in sorted(parts.items(), key=lambda part: (part[0][0], -len(part[1]), part[0]))
    ]
    return {
        "count": len(told),
        "parts": told_of[:MOST_PARTS],
        "more": sum(part["count"] for part in told_of[MOST_PARTS:]),
    }


def _part(found: Sequence[Occurrence], titles: Mapping[str, Texts]) -> Mapping[str, Any]:
    first = found[0]
    ordered = sorted(found, key=lambda one: (one.since, one.name, one.subject))
    return {
        "what": first.what.value,
        "of": first.of,
        "title": dict(titles.get(first.of, {"fr": first.of, "en": first.of})),
        "count": len(found),
        "items": [
            {"name": one.name, "since": one.since.isoformat(), "reason": dict(one.reason)}
            for one in ordered[:NAMED]
        ],
    }
