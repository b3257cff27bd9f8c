"""What is kept of a device to render its lines: small, and ready to be written.

A view of 50 verdicts takes more than 10 kB as objects; a row less than one. Texts that many devices
share are kept once.
"""

from array import array
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Final

from vigie_server.domain import score
from vigie_server.domain.devices import Device
from vigie_server.domain.verdicts import Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.metrics.exposition import escaped, labels, number, said

if TYPE_CHECKING:
    from vigie_server.metrics.chunks import Chunk

STATUSES: Final = ("", *[status.value for status in Status], "waived")
"""What a byte of `DeviceRow.statuses` stands for, by its value; 0: the device has no verdict."""
WAIVED: Final = STATUSES.index("waived")
CODE_OF: Final = {status: STATUSES.index(status.value) for status in Status}

_SHARED: Final = 4_096
"""Sets of groups that are kept once for all devices in them."""
_OFTEN: Final = 4
"""Numbers of so many characters come again and again."""


class RuleNames:
    """The rules that were ever met, each with its place in `DeviceRow.statuses`; escaped."""

    def __init__(self) -> None:
        self.names: Final[list[str]] = []
        self._places: dict[str, int] = {}

    def place(self, rule: str) -> int:
        """The place of the rule, a new one for a new rule."""
        found = self._places.get(rule)
        if found is None:
            found = self._places[rule] = len(self.names)
            self.names.append(escaped(rule))
        return found


class DeviceRow:
    """One device; `label` is its id, escaped.

    `values` are the sample values of families with one line a device at most, "" for no line.
    `failing` holds place of a rule and UNIX seconds in turn. `seen` is in UNIX seconds, 0: never.
    `spared_until`: the end of its grace while it has one.
    """

    __slots__ = (
        "agent_version",
        "chunk",
        "described",
        "failing",
        "groups",
        "hostname",
        "id",
        "label",
        "revoked",
        "seen",
        "site",
        "spared_until",
        "state",
        "statuses",
        "values",
    )

    def __init__(self, view: DeviceView, names: RuleNames, measures: Sequence[str]) -> None:
        device = view.device
        self.id: Final = device.id
        label = escaped(device.id)
        self.label: Final = device.id if label == device.id else label  # one object, not two
        self.site: Final = intern(device.site)
        self.state: Final = device.state.value
        self.revoked: Final = device.revoked
        self.hostname: Final = escaped(said(device.hostname))
        self.described: Final = _described(device)
        self.groups: Final = _groups(view.groups)
        self.agent_version: Final = intern(device.agent_version)
        self.statuses: Final = _statuses(view.verdicts, names)
        self.failing: Final = _failing(view.verdicts, names)
        self.values: Final = (
            *_scores(view.verdicts.values()),
            *_conditions(device),
            *_circumstances(view),
            *[_value(view.measures.get(name)) for name in measures],
        )
        last = device.last_report_at
        self.seen = 0 if last is None else round(last.timestamp())
        self.spared_until: datetime | None = None
        self.chunk: Chunk | None = None


SINGLE: Final = (
    "compliant",
    "ratio",
    "clock_skew",
    "nomadic",
    "missing_since",
    "conflicts",
    "unknown_since",
)
"""What `DeviceRow.values` begins with; the measures follow."""


def _described(device: Device) -> str:
    return intern(
        labels(
            (
                ("platform", device.platform),
                ("os", said(device.os)),
                ("os_version", said(device.os_version)),
                ("chassis", said(device.chassis)),
                ("profile", device.profile),
                ("agent_version", said(device.agent_version)),
            )
        )
    )


@lru_cache(_SHARED)
def _groups(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names escaped; one object for all devices of the same groups."""
    return tuple(escaped(name) for name in names)


def _statuses(verdicts: Mapping[str, StandingVerdict], names: RuleNames) -> bytes:
    places = [names.place(rule) for rule in verdicts]
    codes = bytearray(len(names.names))
    for place, standing in zip(places, verdicts.values(), strict=True):
        codes[place] = WAIVED if standing.waived else CODE_OF[standing.status]
    return bytes(codes.rstrip(b"\0"))


def _failing(verdicts: Mapping[str, StandingVerdict], names: RuleNames) -> "array[float]":
    """None of a rule that is waived."""
    kept = array("d")
    for rule, standing in verdicts.items():
        if standing.failing_since is not None and not standing.waived:
            kept.append(names.place(rule))
            kept.append(standing.failing_since.timestamp())
    return kept


def _scores(verdicts: Collection[StandingVerdict]) -> tuple[str, str]:
    """Compliant, absent until a first rule was judged; the ratio, absent where no rule applies."""
    ratio = score.compliance_ratio(verdicts)
    return (
        str(int(score.compliant(verdicts))) if verdicts else "",
        "" if ratio is None else intern(f"{ratio:.4f}"),
    )


def _conditions(device: Device) -> tuple[str, str]:
    """Clock skew, absent until it has been measured; nomadic, without where the device was."""
    skew = device.clock_skew_seconds
    return "" if skew is None else intern(number(round(skew, 1))), str(int(device.nomadic))


def _circumstances(view: DeviceView) -> tuple[str, str, str]:
    """What few devices have, in the order of `SINGLE`."""
    return (
        _instant(view.missing_since),
        str(view.conflicts) if view.conflicts else "",
        _instant(score.unknown_since(view.verdicts.values())),
    )


def _instant(at: datetime | None) -> str:
    return "" if at is None else str(round(at.timestamp()))


def _value(value: float | None) -> str:
    if value is None:
        return ""
    text = number(value)
    return intern(text) if len(text) <= _OFTEN else text
