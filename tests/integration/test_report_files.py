"""Reports laid out as HTML and PDF: whatever devices and people are called, it is text."""

import itertools
import re
import subprocess
import unicodedata
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest
from pypdf import PdfReader

from fakes.a_report import FIREWALL, NOW, a_device, a_report, sources
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.errors import ReportNotMade, ReportsBusy
from vigie_server.domain.facility_report.document import (
    Bullets,
    Cell,
    Document,
    Paragraph,
    Section,
    Table,
)
from vigie_server.domain.facility_report.sources import DevicesSeen
from vigie_server.domain.facility_report.telling import told_in
from vigie_server.domain.sites import Site
from vigie_server.rendering.html import HtmlPages
from vigie_server.rendering.pdf import DRAWN, PdfPages, drawable

HOSTILE = [
    '#read("/etc/passwd")',
    '#panic("fin") $x^2$ *gras* _italique_ = Titre <label> @ref `code` \\ // /* */ #',
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://example.org")',
    "]]\n\n#pagebreak()\n- liste",
    "poste\u202etxt.exe",
    "\u0000\u0007\x1b[2J",
    "中文 😀 عربي \ud7a4",
    "n" * 3000,
    "Accueil d'Été n°3, cœur & «\u00a0Œuvre\u00a0» ÿ",
]
PDF = PdfPages(within=60, at_once=1)


class Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def kinds_of(element: Any) -> set[str]:
    """The kinds of elements below one of the tree that a screen reader follows."""
    found: set[str] = set()
    waiting = [element]
    while waiting:
        one = waiting.pop().get_object()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            found |= {str(one["/S"])} if "/S" in one else set()
            waiting += [one["/K"]] if "/K" in one else []
    return found


def hostile_document(language: str = "fr") -> Document:
    """A report in which every name that somebody can choose is hostile."""
    devices = [
        a_device(name, state=DeviceState.STOLEN, failing={FIREWALL: NOW}) for name in HOSTILE
    ]
    given = sources(devices=DevicesSeen(devices, {}, {}, {}))
    word, waiver = given.attested[0], given.waivers[0]
    made = a_report(
        replace(
            given,
            site=Site(HOSTILE[0], HOSTILE[2]),
            attested=[replace(word, author=text, document=text) for text in HOSTILE],
            waivers=[replace(waiver, reason=text, devices=(text,)) for text in HOSTILE],
        )
    )
    return told_in(made, language)


def squeezed(text: str) -> str:
    """Without what a layout adds: spaces, line ends and places to break."""
    return re.sub(r"[\s\u200b\u00a0]+", "", unicodedata.normalize("NFC", text))


def text_of(pdf: bytes) -> str:
    return squeezed("".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages))


def test_nothing_hostile_becomes_an_element_of_the_page() -> None:
    usual = Page(HtmlPages()(told_in(a_report(), "fr")))
    page = Page(HtmlPages()(hostile_document()))

    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in usual.elements}
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not [name for _, held in page.elements for name in held if name.startswith("on")]
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}{% raw %}" in text
    assert "\u202e" not in text
    assert "poste[U+202E]txt.exe" in text


def test_a_page_asks_for_nothing_from_anywhere() -> None:
    content = HtmlPages()(told_in(a_report(), "fr")).decode()
    page = Page(content.encode())

    links = [held.get(name) or "" for _, held in page.elements for name in ("href", "src")]
    assert all(link.startswith("#") or not link for link in links)
    assert "url(" not in content
    assert "@import" not in content
    assert "http" not in content.partition("<body>")[0]


def test_a_page_has_its_language_landmarks_headings_and_heads_of_tables() -> None:
    page = Page(HtmlPages()(told_in(a_report(), "en")))

    tags = [tag for tag, _ in page.elements]
    assert ("html", {"lang": "en"}) in page.elements
    assert all(tags.count(landmark) == 1 for landmark in ("header", "nav", "main", "footer", "h1"))
    headings = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1
    assert all(next_ - this <= 1 for this, next_ in itertools.pairwise(headings))
    assert tags.count("caption") == tags.count("table")
    scopes = [held.get("scope") for tag, held in page.elements if tag == "th"]
    assert set(scopes) == {"col", "row"}
    ids = [held["id"] for _, held in page.elements if "id" in held]
    assert len(ids) == len(set(ids))
    targets = {(held.get("href") or "")[1:] for tag, held in page.elements if tag == "a"}
    assert targets <= set(ids)


def test_nothing_hostile_is_markup_in_a_pdf() -> None:
    text = text_of(PDF(hostile_document()))

    assert "root:x:" not in text
    for name in HOSTILE[:7]:
        assert squeezed(name) in text
    assert "poste[U+202E]txt.exe" in text
    assert "[U+4E2D]" in text
    assert "[U+1F600]" in text
    assert "cœur&«Œuvre»ÿ" in text


def test_a_pdf_is_accessible_and_carries_its_fonts() -> None:
    reader = PdfReader(BytesIO(PDF(told_in(a_report(), "fr"))))
    catalog: Any = reader.root_object

    assert catalog["/Lang"] == "fr"
    assert catalog["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in catalog
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata is not None
    assert reader.metadata.title == (
        "Cybersécurité de l'établissement en treize questions — Les Tilleuls"
    )
    assert reader.xmp_metadata is not None
    assert b"pdfuaid:part" in catalog["/Metadata"].get_data()
    pages: list[Any] = list(reader.pages)
    fonts = [
        descendant.get_object()["/FontDescriptor"]
        for page in pages
        for font in page["/Resources"]["/Font"].values()
        for descendant in font.get_object()["/DescendantFonts"]
    ]
    assert fonts
    kinds = kinds_of(catalog["/StructTreeRoot"])
    assert {
        "/Document",
        "/Title",
        "/H1",
        "/H2",
        "/Table",
        "/TR",
        "/TH",
        "/TD",
        "/L",
        "/LI",
    } <= kinds
    assert all({"/FontFile2", "/FontFile3"} & set(descriptor) for descriptor in fonts)
    assert reader.outline


def test_a_pdf_says_what_the_page_says() -> None:
    document = told_in(a_report(), "fr")

    text = text_of(PDF(document))

    cells = [
        cell.text
        for section in document.sections
        for block in section.blocks
        if isinstance(block, Table)
        for row in block.rows
        for cell in row
    ]
    assert len(cells) > 80
    assert [cell for cell in cells if squeezed(cell) not in text] == []


def test_every_character_that_is_let_through_can_be_drawn() -> None:
    signs = drawable("".join(chr(code) for first, last in DRAWN for code in range(first, last + 1)))
    text = " ".join(signs)
    table = Table("Gras", (text,), ((Cell(text),),), (100,))
    document = Document(
        language="en",
        made_at=0,
        title="All",
        subject=signs[:200],
        cover=((text[:300], text),),
        running="-",
        page="page",
        contents="",
        sections=(Section("all", 1, text, (Paragraph(text), Bullets((text,)), table)),),
    )

    assert PDF(document).startswith(b"%PDF-")


def test_the_same_report_is_the_same_file() -> None:
    document = told_in(a_report(), "fr")

    assert PDF(document) == PDF(document)


def test_the_child_knows_nothing_of_the_servers_secrets_and_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[dict[str, Any]] = []

    def run(command: tuple[str, ...], **given: Any) -> subprocess.CompletedProcess[bytes]:
        called.append({"command": command, **given})
        return subprocess.CompletedProcess(command, 0, b"%PDF-", b"")

    monkeypatch.setenv("VIGIE_SERVER_STORE__URL", "postgresql+psycopg://vigie:secret@db/vigie")
    monkeypatch.setenv("PGPASSWORD", "secret")
    (tmp_path / "typst.py").write_text("raise SystemExit('loaded from the folder')")
    monkeypatch.chdir(tmp_path)
    whole = PDF(told_in(a_report(), "fr"))
    monkeypatch.setattr("vigie_server.rendering.pdf.subprocess.run", run)
    PDF(told_in(a_report(), "fr"))

    assert whole.startswith(b"%PDF-")
    assert "secret" not in str(called[0]["env"])
    assert "Tilleuls" not in " ".join(called[0]["command"])


def test_who_comes_while_many_wait_is_sent_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    going_on, began = Event(), Semaphore(0)

    def run(command: tuple[str, ...], **_: Any) -> subprocess.CompletedProcess[bytes]:
        began.release()
        assert going_on.wait(30)
        return subprocess.CompletedProcess(command, 0, b"%PDF-", b"")

    monkeypatch.setattr("vigie_server.rendering.pdf.subprocess.run", run)
    pages, document = PdfPages(within=60, at_once=1, waiting=2), told_in(a_report(), "fr")
    admitted = 1 + 2

    with ThreadPoolExecutor(admitted + 1) as callers:
        waiting = [callers.submit(pages, document) for _ in range(admitted + 1)]
        assert began.acquire(timeout=30)
        first, _ = wait(waiting, return_when=FIRST_COMPLETED, timeout=30)
        going_on.set()

    (refused,) = first
    assert isinstance(refused.exception(), ReportsBusy)
    assert sum(one.exception() is None for one in waiting) == admitted


def test_a_pdf_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(ReportsBusy, match="too long"):
        PdfPages(within=0.001, at_once=1)(told_in(a_report(), "fr"))


def test_a_pdf_that_cannot_be_typeset_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vigie_server.rendering.pdf.drawable", lambda text: text)

    with pytest.raises(ReportNotMade, match="log"):
        PDF(told_in(a_report(sources(site=Site("中文"))), "fr"))
