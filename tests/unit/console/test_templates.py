"""What all templates of the console have in common."""

import re
from pathlib import Path

import vigie_server.console

TEMPLATES = Path(vigie_server.console.__file__).parent / "templates"
FORM = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)
DRAWN = re.compile(
    r'<(?:input(?![^>]*type="(?:hidden|radio|checkbox|file)")|select|textarea)\b[^>]*>'
)


def test_every_field_that_people_fill_in_is_drawn_with_what_is_wrong_with_it() -> None:
    drawn = [
        (template.name, field)
        for template in sorted(TEMPLATES.glob("*.html"))
        if template.name != "parts.html"
        for form in FORM.findall(template.read_text())
        for field in DRAWN.findall(form)
    ]

    assert drawn == []  # by hand: `parts.field` marks, describes and focuses the wrong one
