"""The text formats of metrics: headers, label escaping, sample lines.

Prometheus' own (version 0.0.4) and OpenMetrics (1.0.0) write the samples of gauges alike; headers
differ, and OpenMetrics ends with a line of its own. prometheus-client renders the server's own
figures; these few functions render the fleet's, whose lines are kept ready between scrapes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vigie_server.ports.scraping import TextFormat

_EXACT: Final = 1e15
"""Below this every whole number has its own float."""

_LABEL_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\0": "\ufffd"})
_UNITS: Final = frozenset({"seconds", "bytes", "ratio"})


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: its name and what it measures. All of the fleet's are gauges."""

    name: str
    help: str

    @property
    def unit(self) -> str:
        """The unit that the name ends with; empty without one."""
        last = self.name.rpartition("_")[2]
        return last if last in _UNITS else ""

    def header(self, text_format: TextFormat) -> str:
        """The lines before the family's samples."""
        text = self.help.replace("\\", "\\\\").replace("\n", "\\n")
        if text_format is TextFormat.CLASSIC:
            return f"# HELP {self.name} {text}\n# TYPE {self.name} gauge\n"
        unit = f"# UNIT {self.name} {self.unit}\n" if self.unit else ""
        quoted = text.replace('"', '\\"')
        return f"# TYPE {self.name} gauge\n{unit}# HELP {self.name} {quoted}\n"


def labels(pairs: Iterable[tuple[str, str]]) -> str:
    """`name="value",...` with values escaped; device text is data, whatever it holds."""
    return ",".join([f'{name}="{escaped(value)}"' for name, value in pairs])


def escaped(value: str) -> str:
    """A label value with backslash, quote and newline escaped.

    What neither format can carry, lone surrogates and NUL, is replaced.
    """
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8")
    return value.translate(_LABEL_ESCAPES)


def said(text: str) -> str:
    """What a device said, for a label: signs that end a line or act on who reads it are U+FFFD.

    Alerts carry it on into mails and chats, where nobody escapes it any more.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def number(value: float) -> str:
    """A sample value; whole numbers without a point, so that timestamps stay readable."""
    return str(int(value)) if abs(value) < _EXACT and value == value // 1 else repr(value)
