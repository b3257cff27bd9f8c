"""A report as an accessible PDF (PDF/UA-1): tagged, its language and title said, fonts embedded.

Typesetting happens in a child process, bounded in time and number: what goes wrong in there, and
the memory it takes, end with it.
"""

import json
import os
import subprocess  # noqa: TID251 (the one place of the server that starts a program: its own)
import sys
import unicodedata
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import Final

import structlog

from vigie_server.domain.errors import ReportNotMade, ReportsBusy
from vigie_server.domain.facility_report.document import Document
from vigie_server.rendering.html import TEMPLATES

log = structlog.get_logger()

TOLD: Final = 500
"""Characters of what the child says that are logged."""

PASSED_ON: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT", "LD_LIBRARY_PATH")
"""Of the environment, what the child gets: the server's own holds passwords."""

DRAWN: Final = (
    (0x0020, 0x007E),
    (0x00A0, 0x024F),
    (0x0370, 0x03FF),
    (0x0400, 0x0482),
    (0x048A, 0x04FF),
    (0x05D0, 0x05EA),
    (0x0621, 0x063A),
    (0x0640, 0x064A),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x2040),
    (0x20A0, 0x20C0),
    (0x2190, 0x22FF),
    (0x25A0, 0x25FF),
)
"""Characters that the fonts of typst 0.15 draw (`tests/unit/rendering` holds them to it). PDF/UA
refuses a file with a character that no font has: others are shown by their code."""

_BUSY: Final = "other reports are being made: try again in a minute"


class PdfPages:
    """Typesets with typst, `at_once` at most, each within so many seconds.

    For each that is being typeset `waiting` may wait. More are sent away at once, so that they do
    not take the threads of those who ask for something else.
    """

    def __init__(self, *, within: float, at_once: int, waiting: int = 4) -> None:
        self._within = within
        self._door = BoundedSemaphore(at_once * (1 + waiting))
        self._places = BoundedSemaphore(at_once)

    def __call__(self, document: Document) -> bytes:
        if not self._door.acquire(blocking=False):
            raise ReportsBusy(_BUSY)
        try:
            if not self._places.acquire(timeout=self._within):
                raise ReportsBusy(_BUSY)
            try:
                return self._typeset(document)
            finally:
                self._places.release()
        finally:
            self._door.release()

    def _typeset(self, document: Document) -> bytes:
        command = (
            sys.executable,
            "-P",  # nothing is loaded from the folder that the server was started in
            "-m",
            "vigie_server.rendering.typesetting",
            str(TEMPLATES / "report.typ"),
            str(document.made_at),
        )
        try:
            done = subprocess.run(  # noqa: S603 (our own program; the document is its input)
                command,
                input=drawable(json.dumps(asdict(document), ensure_ascii=False)).encode(),
                capture_output=True,
                timeout=self._within,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            log.warning("report_took_too_long", seconds=self._within)
            raise ReportsBusy(
                "the PDF took too long (VIGIE_SERVER_REPORTS__WITHIN): try again, or take the HTML"
            ) from error
        except OSError as error:
            raise ReportNotMade(f"the PDF could not be made ({error}): take the HTML") from error
        if done.returncode != 0:
            log.error("report_not_typeset", told=done.stderr.decode(errors="replace")[-TOLD:])
            raise ReportNotMade("the PDF could not be made: the server's log says why")
        return done.stdout


def drawable(text: str) -> str:
    """The text with codes (`[U+4E2D]`) for what no font of ours draws."""
    return "".join(sign if _is_drawn(sign) else f"[U+{ord(sign):04X}]" for sign in text)


def _is_drawn(sign: str) -> bool:
    code = ord(sign)
    return any(first <= code <= last for first, last in DRAWN) and unicodedata.category(
        sign
    ) not in {"Cn", "Cf"}
