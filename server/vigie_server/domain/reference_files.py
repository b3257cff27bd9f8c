"""Reference data as files, `reference/<name>.yaml`: what changes between two releases.

Three kinds, told by the key that names the file; every one has sources and days:

`table`     `releases`: ends of support of systems (`key`, `name`, `ends`, `source`, `recorded`, and
            `estimated`)
`list`      `names`: a list of names, `*` for any characters
`products`  `entries`: `product`, `names`, and perhaps `since` and `below` (versions), `ends` (the
            last day of support)

`source` and `recorded` (the day it was noted) stand at the head of the file, for all its lines, or
on a line; a table of ends has them on every line. The day of a file is the newest of its days.

A server may hold newer files than the release it runs: those of its own folder replace the ones of
the release that are not newer. A file of a name or kind that the release does not have is refused:
a mistyped name must not pass for an update.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Section, read_document
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.products import Product, ProductTable, Version, version_of
from vigie_server.domain.reference import NameList, SupportedRelease, SupportTable

Content = SupportTable | NameList | ProductTable


@dataclass(frozen=True, slots=True)
class Reference:
    """One file: what it holds and its day. `own`: it is the server's own, not the release's.

    `passed_over` is the day of a file of the server's own that is older than the release's.
    """

    name: str
    recorded: date
    content: Content
    path: Path
    own: bool = False
    passed_over: date | None = None


References = Mapping[str, Reference]


def load_references(folder: Path, own_folder: Path | None = None) -> References:
    """The files of a folder, and those of the server's own. Raises RulesMalformed."""
    references = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    if own_folder is None:
        return references
    for path in sorted(own_folder.glob("*.yaml")):
        released = references.get(path.stem)
        if released is None:
            known = ", ".join(references) or "none"
            raise RulesMalformed(f"{path}: there is no such reference; there are: {known}")
        try:
            own = replace(_read(path), own=True)
        except RulesMalformed as error:
            raise RulesMalformed(f"{own_folder}: {error}") from error
        if type(own.content) is not type(released.content):
            raise RulesMalformed(f"{path}: it is not of the kind of the one it replaces")
        if own.recorded >= released.recorded:
            references[path.stem] = own
        else:
            references[path.stem] = replace(released, passed_over=own.recorded)
    return references


def _read(path: Path) -> Reference:
    document = read_document(path)
    kind = next((kind for kind in _KINDS if kind in document), None)
    if kind is None:
        raise document.wrong(f"must name itself under one of {', '.join(_KINDS)}")
    if document.text(kind) != path.stem:
        raise document.wrong(f"is not {path.stem}, as the file is called", kind)
    head = _Head.of(document)
    content, days = _KINDS[kind](document, path.stem, head)
    document.close()
    if head.recorded is not None:
        days = [*days, head.recorded]
    return Reference(path.stem, max(days), content, path)


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands at the head of a file for the lines that do not say it."""

    source: str | None
    recorded: date | None

    @classmethod
    def of(cls, document: Section) -> "_Head":
        return cls(
            document.line_of_text("source") if "source" in document else None,
            _day(document, "recorded") if "recorded" in document else None,
        )

    def source_of(self, section: Section) -> str:
        if "source" in section or self.source is None:
            return section.line_of_text("source")
        return self.source

    def day_of(self, section: Section) -> date:
        if "recorded" in section or self.recorded is None:
            return _day(section, "recorded")
        return self.recorded


_Read = tuple[Content, list[date]]


def _read_table(document: Section, name: str, head: _Head) -> _Read:
    releases = [_read_release(section, head) for section in document.sections("releases")]
    _refuse_none(document, releases, "releases")
    if len({release.key.casefold() for release in releases}) != len(releases):
        raise document.wrong("names a key twice", "releases")
    return SupportTable.of(name, releases), [release.recorded for release in releases]


def _read_list(document: Section, _name: str, head: _Head) -> _Read:
    names = document.words("names")
    _refuse_none(document, names, "names")
    head.source_of(document)
    return NameList.of(names), [head.day_of(document)]


def _read_products(document: Section, name: str, head: _Head) -> _Read:
    products = [_read_product(section, head) for section in document.sections("entries")]
    _refuse_none(document, products, "entries")
    return ProductTable.of(name, products), [product.recorded for product in products]


def _refuse_none(document: Section, held: Iterable[object], key: str) -> None:
    if not tuple(held):
        raise document.wrong(f"must hold `{key}`, and not none")


def _read_release(section: Section, head: _Head) -> SupportedRelease:
    release = SupportedRelease(
        key=section.line_of_text("key"),
        name=section.line_of_text("name"),
        ends=_day(section, "ends"),
        source=head.source_of(section),
        recorded=head.day_of(section),
        estimated=section.flag("estimated", default=False),
    )
    section.close()
    return release


def _read_product(section: Section, head: _Head) -> Product:
    names = section.words("names")
    if not names or not all(name.strip("* ") for name in names):
        raise section.wrong("must hold `names` that say something")
    product = Product(
        name=section.line_of_text("product"),
        names=names,
        source=head.source_of(section),
        recorded=head.day_of(section),
        since=_version(section, "since"),
        below=_version(section, "below"),
        ends=_day(section, "ends") if "ends" in section else None,
    )
    section.close()
    return product


def _version(section: Section, key: str) -> Version:
    if key not in section:
        return ()
    version = version_of(section.text(key))
    if not version:
        raise section.wrong("must be a version such as 3.0", key)
    return version


def _day(section: Section, key: str) -> date:
    try:
        return date.fromisoformat(section.text(key))
    except ValueError as error:
        raise section.wrong("must be a day such as 2026-06-30", key) from error


_KINDS: Final[Mapping[str, Callable[[Section, str, _Head], _Read]]] = {
    "table": _read_table,
    "list": _read_list,
    "products": _read_products,
}
