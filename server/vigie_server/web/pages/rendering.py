"""Renders pages: one look, one set of headers, every text in the reader's language."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

FRENCH, ENGLISH = "fr", "en"

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every page: nothing from elsewhere, nothing inline, in no other site's frame, kept nowhere."""

_environment: Final = Environment(
    loader=PackageLoader("vigie_server.web.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    template: str,
    *,
    language: str,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """The page of a template, which finds `language` and the values by their names."""
    text = _environment.get_template(template).render(language=language, **values)
    return HTMLResponse(text, status_code=status, headers={**HEADERS, **(headers or {})})


def language_asked(request: Request) -> str:
    """The language of who is not known yet: English where it stands before French."""
    asked = request.headers.get("accept-language", "")
    for part in asked.split(","):
        name = part.partition(";")[0].strip().lower()[:2]
        if name in {FRENCH, ENGLISH}:
            return name
    return FRENCH
