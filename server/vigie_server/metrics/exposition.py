"""Prometheus' text exposition format, version 0.0.4: headers, label escaping, sample lines.

prometheus-client renders the server's own figures; these few functions render the fleet's, whose
lines are kept ready between scrapes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_EXACT: Final = 1e15
"""Below this every whole number has its own float."""

_LABEL_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: its name, what it measures, and its type (all of the fleet's are gauges)."""

    name: str
    help: str
    type: str = "gauge"

    @property
    def header(self) -> str:
        """The HELP and TYPE lines."""
        text = self.help.replace("\\", "\\\\").replace("\n", "\\n")
        return f"# HELP {self.name} {text}\n# TYPE {self.name} {self.type}\n"


def labels(pairs: Iterable[tuple[str, str]]) -> str:
    """`name="value",...` with values escaped; device text is data, whatever it holds."""
    return ",".join([f'{name}="{escaped(value)}"' for name, value in pairs])


def escaped(value: str) -> str:
    """A label value with backslash, quote and newline escaped; lone surrogates are replaced."""
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8")
    return value.translate(_LABEL_ESCAPES)


def number(value: float) -> str:
    """A sample value; whole numbers without a point, so that timestamps stay readable."""
    return str(int(value)) if abs(value) < _EXACT and value == value // 1 else repr(value)
