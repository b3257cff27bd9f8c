"""Examples that rules carry: what a device answered, and the verdict that must follow.

Under a rule's `examples`, each with:

`name`        what it shows
`verdict`     `pass`, `fail`, `unknown` or `not_applicable`
`platform`    of the device
`device`      other fields of it: `chassis`, `profile`, `nomadic`, `os`, `presence`, `last_report`
              (a moment), `clock_skew` (seconds, perhaps negative)
`declared`    what people said, by full name: `{site.attested: [Q02-central-backups]}`; a list of
              words, a text, true or false, a number, or a moment
`parameters`  overrides of this rule's parameters
`says`        a text that the French reason must hold
`topics`      by topic, its rows; or `rows` with `status`, `message`, `version`, `observed` (a
              moment). A topic that is absent was never reported

A row names only what matters: columns left out are empty, `collected` is yes. Values are text, as
they travel; a column of type timestamp also takes a moment: `now`, `now-3d`, `now+2h`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from vigie_server.domain.conditions import Kind
from vigie_server.domain.declared import DECLARED, NOTHING_DECLARED, Said
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.documents import Mistakes, Section, duration
from vigie_server.domain.facts import Fact
from vigie_server.domain.suggesting import meant
from vigie_server.domain.topics import PLATFORMS, ColumnType, Topic
from vigie_server.domain.verdicts import Status
from vigie_server.domain.whereabouts import Whereabouts

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""The moment of every example."""

_MOMENT: Final = re.compile(r"now(?:([+-])(\w+))?")
_DEVICE_KEYS: Final = frozenset(
    {
        "chassis",
        "clock_skew",
        "last_report",
        "nomadic",
        "os",
        "os_version",
        "presence",
        "profile",
        "state",
    }
)

NO_DEVICE: Final = Device("example", "site", "standard", "", DeviceState.ACTIVE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the device of an example answered on one topic."""

    version: int
    status: str
    message: str
    observed_at: datetime
    rows: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One device at one moment, and the verdict that must follow."""

    name: str
    verdict: Status
    device: Device
    answers: Mapping[str, Answer]
    says: str

    def facts(self, topics: Mapping[str, Topic]) -> Mapping[str, Fact]:
        """The facts of the device, converted as those of any device."""
        return {name: converted(topics[name], answer) for name, answer in self.answers.items()}


def converted(topic: Topic, answer: Answer) -> Fact:
    """The fact that an answer holds: its rows completed as a query completes them."""
    columns = sorted(topic.columns)
    rows: Sequence[Mapping[str, str]] = [{"collected": "yes"} | dict(row) for row in answer.rows]
    return topic.convert(
        topic_version=answer.version,
        status=answer.status,
        message=answer.message,
        columns=columns,
        values=[row.get(column, "") for row in rows for column in columns],
        observed_at=answer.observed_at,
    )


def read_example(
    section: Section, rule: str, topics: Mapping[str, Topic], parameters: Collection[str]
) -> Example:
    """The example that a section holds, of a rule with these parameters. Raises RulesMalformed."""
    mistakes = Mistakes()
    answers: dict[str, Answer] = {}
    if "topics" in section:
        answered = section.section("topics")
        for name in answered.keys():  # noqa: SIM118 (a Section is not a mapping)
            if name not in topics:
                mistakes.add(answered.wrong(f"is not a topic{meant(name, topics)}", name))
                continue
            answer = mistakes.attempt(partial(_read_answer, answered, topics[name]), None)
            if answer is not None:
                answers[name] = answer
    device = mistakes.attempt(partial(_read_device, section, rule, parameters), None)
    example = Example(
        name=mistakes.attempt(partial(section.line_of_text, "name"), ""),
        verdict=Status(
            mistakes.attempt(partial(section.choice, "verdict", frozenset(Status)), "unknown")
        ),
        device=device or NO_DEVICE,
        answers=answers,
        says=mistakes.attempt(partial(section.text, "says", ""), ""),
    )
    mistakes.attempt(section.close, None)
    mistakes.settle()
    return example


def _read_device(section: Section, rule: str, parameters: Collection[str]) -> Device:
    platform = section.choice("platform", PLATFORMS)
    fields = dict(section.texts("device"))
    odd = sorted(fields.keys() - _DEVICE_KEYS)
    if odd:
        near = meant(odd[0], _DEVICE_KEYS)
        raise section.wrong(f"may hold {', '.join(sorted(_DEVICE_KEYS))}{near}", "device")
    overrides = _read_overrides(section, parameters) if "parameters" in section else None
    last_report = fields.get("last_report", "now")
    return Device(
        id="example",
        site="site",
        profile=fields.get("profile", "standard"),
        platform=platform,
        state=DeviceState(fields.get("state", "active")),
        os=fields.get("os", ""),
        os_version=fields.get("os_version", ""),
        chassis=fields.get("chassis", ""),
        nomadic=fields.get("nomadic") == "true",
        whereabouts=Whereabouts(presence=fields.get("presence", "")),
        last_report_at=_moment(last_report) if last_report else None,
        clock_skew_seconds=float(fields["clock_skew"]) if "clock_skew" in fields else None,
        parameters={rule: overrides} if overrides else None,
        declared=_read_declared(section) if "declared" in section else NOTHING_DECLARED,
    )


def _read_declared(section: Section) -> Mapping[str, Said]:
    given = section.section("declared")
    declared: dict[str, Said] = {}
    for name in given.keys():  # noqa: SIM118 (a Section is not a mapping)
        if name not in DECLARED:
            raise given.wrong(f"is none of {', '.join(DECLARED)}{meant(name, DECLARED)}", name)
        match DECLARED[name].kind:
            case Kind.TEXTS:
                declared[name] = given.words(name)
            case Kind.FLAG:
                declared[name] = given.flag(name, default=False)
            case Kind.ANY:
                moment = _moment(given.text(name))
                declared[name] = given.whole(name) if moment is None else int(moment.timestamp())
            case _:
                declared[name] = given.text(name)
    return declared


def _read_overrides(section: Section, parameters: Collection[str]) -> Mapping[str, object]:
    """A list stays a list of names; a whole number becomes one; other scalars are text or flags."""
    given = section.section("parameters")
    overrides: dict[str, object] = {}
    for name in given.keys():  # noqa: SIM118 (a Section is not a mapping)
        if name not in parameters:
            raise given.wrong(f"is no parameter of the rule{meant(name, parameters)}", name)
        if given.is_list(name):
            overrides[name] = given.words(name)
            continue
        text = given.text(name)
        overrides[name] = {"true": True, "false": False}.get(text, text)
        if re.fullmatch(r"-?[0-9]{1,15}", text):
            overrides[name] = int(text)
    return overrides


def _read_answer(section: Section, topic: Topic) -> Answer:
    if section.is_list(topic.name):
        rows = _read_rows(section, topic.name, topic)
        return Answer(topic.version, "ok", "", NOW, rows)
    about = section.section(topic.name)
    answer = Answer(
        version=about.whole("version", topic.version),
        status=about.text("status", "ok"),
        message=about.text("message", ""),
        observed_at=_moment(about.text("observed", "now")) or NOW,
        rows=_read_rows(about, "rows", topic),
    )
    about.close()
    return answer


def _read_rows(section: Section, key: str, topic: Topic) -> tuple[Mapping[str, str], ...]:
    mistakes = Mistakes()
    rows = [mistakes.attempt(partial(_read_row, row, topic), {}) for row in section.sections(key)]
    mistakes.settle()
    return tuple(rows)


def _read_row(section: Section, topic: Topic) -> Mapping[str, str]:
    mistakes = Mistakes()
    row = {}
    for name in section.keys():  # noqa: SIM118 (a Section is not a mapping)
        column = topic.columns.get(name)
        if column is None:
            near = meant(name, topic.columns)
            mistakes.add(section.wrong(f"is no column of {topic.name}{near}", name))
            continue
        value = section.text(name)
        moment = _moment(value) if column.type is ColumnType.TIMESTAMP else None
        row[name] = value if moment is None else str(int(moment.timestamp()))
    if "part" not in row and topic.of_pack:
        (row["part"],) = topic.parts
    part = row.get("part")
    if part not in topic.parts:
        near = "" if part is None else meant(part, topic.parts)
        problem = f"must name a part of {topic.name}{near}"
        mistakes.add(section.wrong(problem, "part" if part is not None else None))
    mistakes.settle()
    return row


def _moment(text: str) -> datetime | None:
    matched = _MOMENT.fullmatch(text)
    if matched is None:
        return None
    span = duration(matched[2]) if matched[2] else timedelta()
    if span is None:
        return None
    return NOW - span if matched[1] == "-" else NOW + span
