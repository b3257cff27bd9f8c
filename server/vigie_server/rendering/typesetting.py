"""The child that typesets one PDF: a document (JSON) on standard input, the PDF on standard output.

`python -m vigie_server.rendering.typesetting TEMPLATE SECONDS_SINCE_1970`. It loads nothing of the
server, opens no connection, and knows no fonts but those that typst carries.
"""

import sys
from pathlib import Path

import typst


def main() -> None:
    """Exits 0 with the PDF; 1 with what went wrong on standard error."""
    template, at = Path(sys.argv[1]), int(sys.argv[2])
    try:
        pdf = typst.compile(
            template.read_bytes(),
            sys_inputs={"document": sys.stdin.buffer.read().decode()},
            font_paths=typst.Fonts(include_system_fonts=False),
            pdf_standards=["ua-1"],
            timestamp=at,
        )
    except typst.TypstError as error:
        sys.stderr.write(error.message)
        sys.exit(1)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
