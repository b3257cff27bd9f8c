"""How a device's state drifts: things happen to it now and then, and its answers follow.

Pure, and the same for the same seed: a device's life is a count for each kind of happening and when
it last happened; its answers are its recording seen through them. Kinds and weights are made up, in
the proportions of an ordinary week: signatures daily, patches monthly, a firewall off now and then.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vigie_server.simulator.chance import draws, weighted
from vigie_server.simulator.recorded import Row, Rows

_DAY: Final = 86_400
_STICKS: Final = (
    ("Kingston", "DataTraveler 3.0"),
    ("SanDisk", "Cruzer Blade"),
    ("Generic", "Flash Disk"),
    ("Toshiba", "TransMemory"),
)
_REMEMBERED_STICKS: Final = 3


@dataclass(frozen=True, slots=True)
class Happened:
    """How often something happened, and when it last did (Unix seconds)."""

    times: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """What has become of a device since it was recorded. `now` is its own clock, Unix seconds."""

    now: int
    step: int = 0
    happened: Mapping[str, Happened] = field(default_factory=dict)

    def seen(self, topic: str) -> tuple[tuple[str, Happened], ...]:
        """What has happened to the topic: the same for devices that went through the same."""
        return tuple(
            (name, self.happened[name])
            for name, kind in KINDS.items()
            if kind.topic == topic and name in self.happened
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of happening: the topic that shows it, how often beside others, what it changes."""

    topic: str
    weight: float
    shows: Callable[[Rows], bool]
    change: Callable[[Rows, Happened], list[Row]]


def lived(
    life: Life, recorded: Mapping[str, Rows], *, seed: int, number: int, seconds: int, share: float
) -> tuple[Life, str | None]:
    """The device's life a step later, and the topic that something happened to, if it did.

    `share` is the chance that something happens in a step of `seconds`.
    """
    life = replace(life, now=life.now + seconds, step=life.step + 1)
    chance, which, *_ = draws("drift", seed, number, life.step)
    if chance >= share:
        return life, None
    possible = [name for name, kind in KINDS.items() if kind.shows(recorded.get(kind.topic, ()))]
    if not possible:
        return life, None
    name = possible[weighted([KINDS[name].weight for name in possible], which)]
    before = life.happened.get(name, Happened())
    happened = {**life.happened, name: Happened(before.times + 1, life.now)}
    return replace(life, happened=happened), KINDS[name].topic


def drifted(rows: Rows, seen: Sequence[tuple[str, Happened]]) -> Rows:
    """A topic's rows, after what has happened to it (`Life.seen`)."""
    for name, happened in seen:
        rows = KINDS[name].change(rows, happened)
    return rows


# --- What happens ---------------------------------------------------------------------------------


def _any(column: str) -> Callable[[Rows], bool]:
    return lambda rows: any(row.get(column) for row in rows)


def _is_on(rows: Rows) -> bool:
    return any(row["enabled"] == "1" for row in rows)


def _always(rows: Rows) -> bool:
    return bool(rows)


def _signatures(rows: Rows, happened: Happened) -> list[Row]:
    return [
        {
            **row,
            "signatures_time": str(happened.last),
            "signatures_version": _raised(row["signatures_version"], happened.times),
        }
        if row["signatures_time"]
        else row
        for row in rows
    ]


def _dated(*columns: str, day: bool = False) -> Callable[[Rows, Happened], list[Row]]:
    """These columns, where they hold a time, hold that of what happened."""

    def change(rows: Rows, happened: Happened) -> list[Row]:
        last = str(happened.last // _DAY * _DAY if day else happened.last)
        return [
            {name: last if name in columns and value else value for name, value in row.items()}
            for row in rows
        ]

    return change


def _firewall(rows: Rows, happened: Happened) -> list[Row]:
    if happened.times % 2 == 0:
        return list(rows)
    return [{**row, "enabled": "0"} if row["enabled"] == "1" else row for row in rows]


def _usb(rows: Rows, happened: Happened) -> list[Row]:
    """A stick is put in, then pulled; Windows remembers the last ones."""
    changed = list(rows)
    blank = dict.fromkeys(rows[0], "") | {"collected": "yes"}
    stick = happened.times // 2 + happened.times % 2
    if happened.times % 2:
        vendor, model = _STICKS[stick % len(_STICKS)]
        changed.append(
            {**blank, "part": "attached", "vendor": vendor, "model": model}
            | {"serial": f"SIM{stick:08d}", "device": "sdb"}
        )
    if any(row["part"] == "history" for row in rows):
        for number in range(max(1, stick - _REMEMBERED_STICKS + 1), stick + 1):
            vendor, model = _STICKS[number % len(_STICKS)]
            changed.append(
                {**blank, "part": "history", "vendor": vendor, "model": model}
                | {"serial": f"SIM{number:08d}&0", "last_change_time": str(happened.last)}
            )
    return changed


def _versions(rows: Rows, happened: Happened) -> list[Row]:
    """One program after the other gets a newer version."""
    each, more = divmod(happened.times, len(rows))
    return [
        {**row, "version": _raised(row["version"], each + (index < more))}
        for index, row in enumerate(rows)
    ]


def _raised(version: str, by: int) -> str:
    """A version whose last number is higher by as much."""
    if not by:
        return version
    return re.sub(r"\d+(?=\D*$)", lambda found: str(int(found.group()) + by), version, count=1)


KINDS: Final[Mapping[str, Kind]] = {
    "signatures": Kind("antivirus", 30, _any("signatures_time"), _signatures),
    "looked_for_patches": Kind("updates", 20, _any("last_check_time"), _dated("last_check_time")),
    "patched": Kind("updates", 5, _any("last_install_time"), _dated("last_install_time")),
    "backed_up": Kind(
        "backups", 15, _any("last_success_time"), _dated("last_success_time", "last_run_time")
    ),
    "programs": Kind("software", 15, _any("version"), _versions),
    "usb": Kind("usb_storage", 8, _always, _usb),
    "logged_on": Kind("accounts", 5, _any("last_logon_time"), _dated("last_logon_time", day=True)),
    "firewall": Kind("firewall", 2, _is_on, _firewall),
}
"""By name. Those of one topic are seen one after the other, in this order."""
