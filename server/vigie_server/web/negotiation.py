"""What a caller can read: formats and encodings, from its `Accept` headers."""

from collections.abc import Iterator, Sequence
from typing import Final

from vigie_server.ports.scraping import TextFormat

CONTENT_TYPES: Final = {
    TextFormat.CLASSIC: "text/plain; version=0.0.4; charset=utf-8",
    TextFormat.OPENMETRICS: "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
_OPENMETRICS_VERSIONS: Final = frozenset({"", "0.0.1", "1.0.0"})


def text_format(accept: str) -> TextFormat:
    """The format that is wanted most; the classic one where nothing is said, or both are alike."""
    wanted = {TextFormat.CLASSIC: 0.0, TextFormat.OPENMETRICS: 0.0}
    for kind, parameters, quality in _choices(accept):
        if (
            kind == "application/openmetrics-text"
            and parameters.get("version", "") in _OPENMETRICS_VERSIONS
        ):
            found = TextFormat.OPENMETRICS
        elif kind in {"text/plain", "text/*", "*/*"}:
            found = TextFormat.CLASSIC
        else:
            continue
        wanted[found] = max(wanted[found], quality)
    return max(wanted, key=lambda kind: wanted[kind])


def best_of(accept: str, kinds: Sequence[str]) -> str | None:
    """That of the media types which is wanted most, the first of equals; None: none of them is."""
    said = {kind: quality for kind, _, quality in _choices(accept)}
    wanted = {
        kind: said.get(kind, said.get(f"{kind.partition('/')[0]}/*", said.get("*/*", 0.0)))
        for kind in kinds
    }
    best = max(kinds, key=lambda kind: wanted[kind])
    return best if wanted[best] > 0 else None


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the answer may be compressed: said by name, or by `*`."""
    said = {kind: quality for kind, _, quality in _choices(accept_encoding)}
    return said.get("gzip", said.get("x-gzip", said.get("*", 0.0))) > 0


def _choices(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Each choice of such a header, its parameters, and how much it is wanted, from 0 to 1."""
    for choice in header.split(","):
        kind, *given = (part.strip() for part in choice.split(";"))
        parameters = {}
        for parameter in given:
            name, _, value = parameter.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"')
        if kind:
            yield kind.lower(), parameters, _quality(parameters.get("q", "1"))


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return min(max(value, 0.0), 1.0)
