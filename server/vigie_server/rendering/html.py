"""A report as one HTML file: no script, no font, no picture, nothing fetched from anywhere."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vigie_server.domain.facility_report.document import Document

TEMPLATES: Final = Path(__file__).parent / "templates"


class HtmlPages:
    """Renders with Jinja2; every text is escaped."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._style = (TEMPLATES / "report.css").read_text(encoding="utf-8")

    def __call__(self, document: Document) -> bytes:
        template = self._environment.get_template("report.html.jinja")
        return template.render(document=document, style=self._style).encode()
