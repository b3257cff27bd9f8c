"""Rules as data: `queries/guide/q<NN>.yaml`, one file a question of the guide.

A file holds `question` (its number), `title` (fr, en: the question in our words) and `rules`, a
list. Every text for people has `fr` and `en`. Unknown keys are refused, with file and line. A rule:

`id`            the catalogue's, e.g. `Q05-min-length`; of a site's own rule `X-...`
`replaces`      `true` in a site's own rule that takes the place of the release's of the same id
`version`       rises when the rule can judge the same evidence differently
`severity`      `critical`, `major` or `minor`
`platforms`     those it judges: `windows`, `darwin`, `linux`; `not_applicable` on the others
`beyond_guide`  `true` where it is good practice beyond the guide, or its figure is ours
`title`, `why`  what it asks for, and what for
`remediation`   what to do, step by step, for a manager without IT staff; by platform, or `any`
`reads`         by topic: `version`, `columns`, and `parts` by platform (or a list for all), where
                not all of the topic's are read: the rule then sees no row of the others; `known`
                (`{name: products}`) where it sees only rows whose column names a product of that
                parameter, `count` still being that of all. Absent for a rule on the device alone
`max_age`       older evidence is `unknown`: `36h`, `30d` (absent: 7 days)
`parameters`    by name: `type` (integer, real, text, day, flag, list, table, products),
                `about`,
                `default`, `profiles` (`standard`, `critical`, `low`) where they differ, and
                `most` where a larger whole number makes no sense: nobody can set more, nor may
                `default` and `profiles` say more; what was set before goes on holding; and
                `with`, the parameter without which a day or text has no effect: who sets one
                of the two alone is told so. A
                `list` holds names (case ignored, `*` for any characters) for `listed`, or all those
                of a file of `reference/`: `{list: vpn_clients}`; `table` and `products` are the
                name of such a file and cannot be overridden (`domain/reference_files.py`)
`let`           named sub-expressions, each may use those before it
`applies`       CEL on `device`, `site` and `p`: false is `not_applicable`. Absent: always
`not_applicable_when`  as `unknown_when`, tried before it: what is judged is not on this device
`unknown_when`  list of `when` (CEL), `reason` and perhaps `rows` (CEL, for `{rows}`): conditions
                under which nothing can be said, tried in order before `pass`
`pass`          CEL, true or false
`offending`     CEL: the rows that decided a fail
`deciding`      CEL: the rows that decided a pass
`row_limit`     how many offending rows a verdict keeps (20)
`row`           template of one row, for `{rows}`: `{column}`, `{column:date}`
`figures`       by name: CEL numbers that templates may name, `{v.name}`, `{v.name:date}`
`words`         by name: a list of `when` (CEL), `fr` and `en`; `{w.name}` are those that hold
`reason`        templates `pass` and `fail`, with `pass_none` and `fail_none` where no row decided:
                `{rows}`, `{count}`, `{v.name}`, `{w.name}`, `{p.name}`, `{device.name}`
`partial`       results that stand although a part it reads was not collected: `pass` (one good row
                suffices), `fail` (one bad row does). Absent: neither, it is `unknown`
`fresh_until`   CEL, UNIX seconds or null: the last instant at which a pass holds if nothing new
                comes; demanded of a rule that uses `now`. Time alone never mends a fail
`measures`      by metric name: `help` and `value` (CEL, a number or null)
`examples`      see `domain/examples.py`: at least one pass, one fail and one unknown

CEL sees `topics.<name>.rows` (the collected rows of the declared parts, with `part` and the
declared columns), `topics.<name>.count` (how many they are), `topics.<name>.observed_at` (UNIX
seconds), `device.<field>` (`platform`, `os`, `os_version`, `chassis`, `profile`, `state`,
`nomadic`, `presence`: on_site, off_site or empty, `last_report_at`, `clock_skew_seconds`),
`site.id`, what people declare (`domain/declared.py`: `site.attested`, `device.roles`,
`asset.<field>`, ...), `p.<parameter>`, `now` (UNIX seconds), and the functions of
`domain/conditions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_server.domain.conditions import Branch, Condition, Decision, Kind
from vigie_server.domain.declared import DECLARED
from vigie_server.domain.documents import Texts
from vigie_server.domain.examples import Example
from vigie_server.domain.facts import FactRow
from vigie_server.domain.parameters import Parameter
from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference_files import References
from vigie_server.domain.statements import Statement
from vigie_server.domain.text_questions import Questions
from vigie_server.domain.topics import Topic
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.whys import Whys

LAST_REPORT: Final = "device.last_report_at"
CLOCK_SKEW: Final = "device.clock_skew_seconds"
MOVING: Final = frozenset({LAST_REPORT, CLOCK_SKEW})
"""The names of a device that move by themselves, with every report: no answer is remembered."""

DEVICE_FIELDS: Final[Mapping[str, Kind]] = {
    "device.platform": Kind.TEXT,
    "device.os": Kind.TEXT,
    "device.os_version": Kind.TEXT,
    "device.chassis": Kind.TEXT,
    "device.profile": Kind.TEXT,
    "device.state": Kind.TEXT,
    "device.nomadic": Kind.FLAG,
    LAST_REPORT: Kind.ANY,
    CLOCK_SKEW: Kind.ANY,
    "device.presence": Kind.TEXT,
    "site.id": Kind.TEXT,
    **{name: declarable.kind for name, declarable in DECLARED.items()},
}
"""What conditions see of a device and its site, beside its evidence."""


@dataclass(frozen=True, slots=True)
class Known:
    """A choice of rows: those whose column names a known product. Thousands need no evaluation."""

    column: str
    products: ProductTable

    def holds(self, row: FactRow) -> bool:
        """Whether the row names one."""
        name = row.get(self.column)
        return isinstance(name, str) and self.products.product(name) != ""


@dataclass(frozen=True, slots=True)
class Read:
    """What a rule reads of a topic.

    `parts` are those it reads, by platform. `variable` is the full name under which conditions see
    the topic; rules that read the same rows share it. Without `columns` rows are only counted.
    """

    topic: str
    version: int
    columns: frozenset[str]
    parts: Mapping[str, frozenset[str]]
    variable: str
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule can come to: a status, and the sentences about the rows that decided."""

    status: Status
    statement: Statement


@dataclass(frozen=True, slots=True)
class Wording:
    """A piece of a sentence, and when it is said."""

    when: Condition
    texts: Texts


@dataclass(frozen=True, slots=True)
class Conditions:
    """A rule's expressions, compiled. `decision` takes one of `outcomes`, by its place.

    `branches` are the texts that it was compiled of, place by place, `bindings` the sub-expressions
    that those name.
    """

    applies: Condition | None
    decision: Decision
    outcomes: tuple[Outcome, ...]
    fresh_until: Condition | None
    figures: Mapping[str, Condition]
    words: Mapping[str, tuple[Wording, ...]]
    branches: tuple[Branch, ...]
    measures: Mapping[str, Condition]
    bindings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)  # rules are told apart by identity: they key maps
class Rule:
    """One rule of the guide. `container` keeps its names apart in evaluations.

    `partial` are the results that stand although a part was not collected; `measures` the help text
    of each metric it exports. `shown` are the columns that offending rows keep: those the rule
    reads, and those that tell rows apart. `follows` are, by topic, the columns that its verdicts
    can follow; None for all. `asks` are of these, by topic, the columns that decide by what is
    asked of their texts alone (`domain/text_questions.py`). `names` are those of the device, its
    site and its asset card that the rule uses anywhere. `depends_on` are those that verdicts follow
    beside evidence and parameters; None when they follow the time too. `depends_at_moment` are the
    same of a rule that names no time but `now`, None otherwise. `attestations` are the ids of those
    that conditions name, or `*` where they are named otherwise. `moving`: it also follows what
    moves with every report (`MOVING`), so that fresher evidence alone is judged again. `own`:
    a site's, not the release's. `content` is what its section says, but for texts that no verdict
    follows, `refers` the reference files it uses. `digest` names all that its verdicts can follow
    (`domain/rule_digests.py`): the same evidence has the same verdict by a rule of the same one.
    """

    id: str
    version: int
    question: int
    severity: Severity
    platforms: frozenset[str]
    beyond_guide: bool
    title: Texts
    why: Texts
    remediation: Mapping[str, Texts]
    reads: Mapping[str, Read]
    max_age: timedelta
    parameters: Mapping[str, Parameter]
    container: str
    conditions: Conditions
    row_limit: int
    shown: frozenset[str]
    follows: Mapping[str, tuple[str, ...] | None]
    asks: Mapping[str, Questions]
    names: frozenset[str]
    depends_on: tuple[str, ...] | None
    depends_at_moment: tuple[str, ...] | None
    moving: bool
    attestations: frozenset[str]
    partial: frozenset[Status]
    measures: Mapping[str, str]
    examples: tuple[Example, ...]
    content: str
    refers: frozenset[str]
    own: bool = False
    digest: str = ""

    def remediation_on(self, platform: str) -> Texts:
        """What to do on a device of this platform."""
        return self.remediation.get(platform) or self.remediation["any"]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is judged: topics, rules in the order of their ids, questions' titles.

    `digest` names its rules by theirs: what was judged by another is judged anew by the rules that
    differ. `measures` holds the
    help text of every metric that rules export, `references` the lists and tables that rules meet
    rows with. `whys` tell what could not be read.
    """

    topics: Mapping[str, Topic]
    rules: Mapping[str, Rule]
    questions: Mapping[int, Texts]
    references: References
    whys: Whys
    digest: str

    @property
    def measures(self) -> Mapping[str, str]:
        """Help texts by metric name."""
        return {name: text for rule in self.rules.values() for name, text in rule.measures.items()}

    @property
    def attestations(self) -> frozenset[str]:
        """The attestations that any rule reads, see `Rule`."""
        return frozenset[str]().union(*(rule.attestations for rule in self.rules.values()))
