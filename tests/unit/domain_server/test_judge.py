"""The judge on a small catalogue of its own: what outranks what, and when to ask again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import whys_file
from vigie_server.domain.declared import DECLARED
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.facts import Fact, FactRow
from vigie_server.domain.judge import Judge
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.verdicts import Status, Verdict
from written_cells import WrittenCells

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEVICE: Final = Device(
    id="d1",
    site="s1",
    profile="standard",
    platform="linux",
    state=DeviceState.ACTIVE,
    chassis="laptop",
    last_report_at=NOW - timedelta(hours=2),
)
TOPIC: Final = """
topic: doors
version: 1
title: {fr: Portes, en: Doors}
purpose: {fr: Pour essai, en: For trial}
guide_questions: [6]
interval: 3600
personal_data: none
retention_days: 90
keys: [part, name]
columns:
  name: {type: text}
  shut: {type: boolean}
  weight: {type: integer}
  painted: {type: timestamp}
parts:
  front: {platforms: [linux, windows], empty: unknown}
  back: {platforms: [linux], empty: fact}
"""
RULE: Final = """
question: 6
title: {fr: Les portes, en: The doors}
rules:
  - id: Q06-doors-shut
    version: 3
    severity: major
    platforms: [linux]
    title: {fr: Portes fermées, en: Doors shut}
    why: {fr: Il le faut, en: It must be}
    remediation: {any: {fr: Fermez, en: Shut them}}
    reads:
      doors: {version: 1, columns: [name, shut]}
    max_age: 2d
    pass: PASS
    offending: "OFFENDING"
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: Fermées., en: Shut.}
      fail: {fr: "Ouvertes : {rows} ({count}).", en: "Open: {rows} ({count})."}
MORE
    examples: [EXAMPLES]
"""
EXAMPLES: Final = ",".join(
    f"{{name: {verdict}, verdict: {verdict}, platform: linux}}"
    for verdict in ("pass", "fail", "unknown")
)
OPEN: Final = "topics.doors.rows.filter(r, r.shut == false)"
TEN: Final = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
THOUSANDS: Final = (
    f"{TEN}.all(a, {TEN}.all(b, {TEN}.all(c, {TEN}.all(d, {TEN}.all(e, a + b + c + d + e >= 0)))))"
)
ALL_SHUT: Final = "topics.doors.rows.all(r, r.shut == true)"


def judge_of(
    tmp_path: Path, *, passes: str = ALL_SHUT, offending: str = OPEN, more: str = ""
) -> Judge:
    topics, guide = tmp_path / "topics", tmp_path / "guide"
    topics.mkdir(exist_ok=True)
    guide.mkdir(exist_ok=True)
    (topics / "doors.yaml").write_text(TOPIC, encoding="utf-8")
    (guide / "q06.yaml").write_text(rule_text(passes, offending, more), encoding="utf-8")
    return Judge(load_catalogue(topics, guide, whys_file()))


def rule_text(passes: str, offending: str, more: str) -> str:
    text = RULE.replace("PASS", passes).replace("OFFENDING", offending)
    return text.replace("MORE", more).replace("EXAMPLES", EXAMPLES)


def door(name: str, *, shut: bool | None = True, part: str = "front", **more: object) -> FactRow:
    row: dict[str, str | int | float | bool | None] = {
        "part": part,
        "collected": True,
        "why": "",
        "name": name,
        "shut": shut,
        "weight": None,
        "painted": None,
    }
    return {**row, **more}  # type: ignore[dict-item]


def doors(*rows: FactRow, observed_at: datetime = NOW) -> Fact:
    columns = frozenset({"part", "collected", "why", "name", "shut", "weight", "painted"})
    return Fact("doors", 1, "ok", "", columns, WrittenCells(rows), observed_at)


def unreadable(column: str, text: str) -> Fact:
    return replace(doors(door("hall")), cells=WrittenCells((door("hall"),), {column: text}))


def kept(row: FactRow) -> FactRow:
    """What a verdict keeps of a row: the columns that the rule reads, and the topic's keys."""
    return {name: row[name] for name in ("part", "name", "shut")}


def verdict_of(judge: Judge, fact: Fact | None, device: Device = DEVICE) -> Verdict:
    (verdict,) = judge.judge(device, {"doors": fact} if fact else {}, now=NOW)
    return verdict


def test_a_pass_carries_rule_version_reason_and_when_to_ask_again(tmp_path: Path) -> None:
    observed_at = NOW - timedelta(hours=6)

    verdict = verdict_of(judge_of(tmp_path), doors(door("hall"), observed_at=observed_at))

    assert verdict == Verdict(
        rule="Q06-doors-shut",
        rule_version=3,
        status=Status.PASS,
        reason={"fr": "Fermées.", "en": "Shut."},
        next_check_at=observed_at + timedelta(days=2),
    )


def test_a_fail_carries_the_rows_that_decided_it(tmp_path: Path) -> None:
    open_door = door("hall", shut=False)

    verdict = verdict_of(judge_of(tmp_path), doors(door("cellar"), open_door))

    assert verdict.status is Status.FAIL
    assert verdict.offending == (kept(open_door),)
    assert verdict.reason["fr"] == "Ouvertes : hall (1)."


def test_a_fail_names_five_rows_and_keeps_as_many_as_the_rule_says(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, more="    row_limit: 7")
    rows = [door(f"d{number:02}", shut=False) for number in range(30)]

    verdict = verdict_of(judge, doors(*rows))

    assert verdict.offending == tuple(map(kept, rows[:7]))
    assert verdict.reason["en"] == "Open: d00, d01, d02, d03, d04, … and 25 more (30)."


def test_what_was_never_reported_is_unknown(tmp_path: Path) -> None:
    verdict = verdict_of(judge_of(tmp_path), None)

    assert verdict.status is Status.UNKNOWN
    assert verdict.reason["fr"] == "Aucune donnée reçue : « Portes »."
    assert verdict.next_check_at is None


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (replace(doors(door("hall")), topic_version=2), "version 2"),
        (replace(doors(door("hall")), topic_version=0), "version 0"),
        (doors(door("hall"), observed_at=NOW - timedelta(days=2)), "18/11/2026"),
        (replace(doors(door("hall")), status="timeout", message="30 s"), "à temps"),
        (replace(doors(door("hall")), status="surprise"), "n'a pas abouti"),
        (doors(), "rien n'a été collecté"),
        (replace(doors(door("hall")), columns=frozenset({"part", "collected"})), "colonne name"),
        (unreadable("shut", "ajar"), "illisible (ajar)"),
        (doors(door("garden", part="back")), "front (aucune réponse)"),
        (doors(door("hall", collected=False, why="no_permission: root")), "pas les droits"),
        (doors(door("hall", collected=None)), "front"),
    ],
)
def test_evidence_that_is_not_whole_is_unknown_and_says_why(
    tmp_path: Path, broken: Fact, says: str
) -> None:
    verdict = verdict_of(judge_of(tmp_path), broken)

    assert verdict.status is Status.UNKNOWN
    assert says in verdict.reason["fr"]


def test_an_unreadable_column_that_the_rule_does_not_read_changes_nothing(tmp_path: Path) -> None:
    verdict = verdict_of(judge_of(tmp_path), unreadable("weight", "heavy"))

    assert verdict.status is Status.PASS


def test_rows_of_a_part_that_nobody_declared_are_evidence_of_nothing(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, passes="topics.doors.rows.exists(r, r.name == 'hatch')")

    verdict = verdict_of(judge, doors(door("hall"), door("hatch", part="roof")))

    assert verdict.status is Status.FAIL


def test_a_part_whose_absence_is_a_fact_need_not_answer(tmp_path: Path) -> None:
    assert verdict_of(judge_of(tmp_path), doors(door("hall"))).status is Status.PASS


@pytest.mark.parametrize(
    ("passes", "says"),
    [
        ("1 / 0 > 1", "n'a pas pu être évaluée"),
        ("topics.doors.rows.exists(r, r.shut)", "n'a pas pu être évaluée"),
        ("topics.doors.rows[0].name", "n'a pas pu être évaluée"),
        (
            THOUSANDS,
            "budget",
        ),
    ],
)
def test_a_rule_that_fails_itself_is_unknown(tmp_path: Path, passes: str, says: str) -> None:
    judge = judge_of(tmp_path, passes=f'"{passes}"')

    verdict = verdict_of(judge, doors(door("hall", shut=None)))

    assert verdict.status is Status.UNKNOWN
    assert says in verdict.reason["fr"]


def test_a_fail_whose_rows_cannot_be_named_is_unknown(tmp_path: Path) -> None:
    judge = judge_of(
        tmp_path, passes="false", offending="topics.doors.rows.filter(r, r.shut && 1 / 0 > 1)"
    )

    verdict = verdict_of(judge, doors(door("hall")))

    assert verdict.status is Status.UNKNOWN


def test_a_rule_does_not_apply_to_another_platform(tmp_path: Path) -> None:
    verdict = verdict_of(
        judge_of(tmp_path), doors(door("hall")), replace(DEVICE, platform="windows")
    )

    assert verdict.status is Status.NOT_APPLICABLE


def test_a_device_whose_platform_is_not_known_is_unknown_not_inapplicable(tmp_path: Path) -> None:
    verdict = verdict_of(judge_of(tmp_path), doors(door("hall")), replace(DEVICE, platform=""))

    assert verdict.status is Status.UNKNOWN


def test_a_rule_applies_by_its_condition_even_before_evidence(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, more="    applies: device.chassis == 'server'")

    assert verdict_of(judge, None).status is Status.NOT_APPLICABLE
    assert verdict_of(judge, None, replace(DEVICE, chassis="server")).status is Status.UNKNOWN


def test_a_failure_of_applies_is_unknown(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, more="    applies: device.last_report_at > 5")

    verdict = verdict_of(judge, doors(door("hall")), replace(DEVICE, last_report_at=None))

    assert verdict.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("partial", "shut", "expected"),
    [
        ("", True, Status.UNKNOWN),
        ("", False, Status.UNKNOWN),
        ("    partial: [pass]", True, Status.PASS),
        ("    partial: [pass]", False, Status.UNKNOWN),
        ("    partial: [fail]", True, Status.UNKNOWN),
        ("    partial: [fail]", False, Status.FAIL),
    ],
)
def test_a_missing_part_leaves_only_the_result_that_the_rule_lets_stand(
    tmp_path: Path, partial: str, shut: bool, expected: Status
) -> None:
    judge = judge_of(tmp_path, more=partial)
    gap = door("", part="back", collected=False, why="timeout: 30 s")

    verdict = verdict_of(judge, doors(door("hall", shut=shut), gap))

    assert verdict.status is expected


def test_nothing_stands_where_nothing_was_collected(tmp_path: Path) -> None:
    judge = judge_of(tmp_path, more="    partial: [pass, fail]")
    gap = door("", collected=False, why="timeout: 30 s")

    verdict = verdict_of(judge, doors(gap))

    assert verdict.status is Status.UNKNOWN
    assert "à temps" in verdict.reason["fr"]


def test_a_reason_for_not_knowing_may_name_rows(tmp_path: Path) -> None:
    more = """
    unknown_when:
      - when: topics.doors.rows.exists(r, r.shut == null)
        rows: topics.doors.rows.filter(r, r.shut == null)
        reason: {fr: "Entrouvertes : {rows}.", en: "Ajar: {rows}."}
"""

    verdict = verdict_of(
        judge_of(tmp_path, more=more), doors(door("hall"), door("attic", shut=None))
    )

    assert verdict.status is Status.UNKNOWN
    assert verdict.reason["en"] == "Ajar: attic."
    assert verdict.offending == ()


PAINTED: Final = """
    parameters:
      days: {type: integer, about: {fr: Jours, en: Days}, default: 1, profiles: {low: 5}, most: 10}
    fresh_until: newest(topics.doors.rows.map(r, r.painted)) + p.days * 86400
"""


def painted_judge(tmp_path: Path, clock: str) -> Judge:
    passes = (
        f"topics.doors.rows.exists(r, r.painted != null && r.painted + p.days * 86400 >= {clock})"
    )
    judge_of(tmp_path)
    text = rule_text(passes, OPEN, PAINTED).replace("[name, shut]", "[name, shut, painted]")
    (tmp_path / "guide" / "q06.yaml").write_text(text, encoding="utf-8")
    return Judge(load_catalogue(tmp_path / "topics", tmp_path / "guide", whys_file()))


def test_a_pass_that_time_ends_is_asked_again_a_second_later(tmp_path: Path) -> None:
    judge = painted_judge(tmp_path, "now")
    painted = NOW - timedelta(hours=20)
    fact = doors(door("hall", painted=int(painted.timestamp())))

    verdict = verdict_of(judge, fact)
    (then,) = judge.judge(DEVICE, {"doors": fact}, now=painted + timedelta(days=1, seconds=1))

    assert verdict.status is Status.PASS
    assert verdict.next_check_at == painted + timedelta(days=1, seconds=1)
    assert then.status is Status.FAIL


def test_a_fail_is_not_mended_by_time_alone(tmp_path: Path) -> None:
    fact = doors(door("hall", painted=int((NOW - timedelta(days=9)).timestamp())))

    verdict = verdict_of(painted_judge(tmp_path, "now"), fact)

    assert verdict.status is Status.FAIL
    assert verdict.next_check_at == NOW + timedelta(days=2)


def test_a_pass_measured_at_the_evidence_is_asked_again_every_hour_past_its_end(
    tmp_path: Path,
) -> None:
    judge = painted_judge(tmp_path, "topics.doors.observed_at")
    observed_at = NOW - timedelta(hours=30)
    painted = int((observed_at - timedelta(hours=2)).timestamp())

    verdict = verdict_of(judge, doors(door("hall", painted=painted), observed_at=observed_at))

    assert verdict.status is Status.PASS
    assert verdict.next_check_at == NOW + timedelta(hours=1)


def test_a_parameter_follows_the_profile_and_then_the_device(tmp_path: Path) -> None:
    judge = painted_judge(tmp_path, "now")
    fact = doors(door("hall", painted=int((NOW - timedelta(days=3)).timestamp())))
    low = replace(DEVICE, profile="low")
    own = replace(DEVICE, parameters={"Q06-doors-shut": {"days": 4}})

    assert verdict_of(judge, fact).status is Status.FAIL
    assert verdict_of(judge, fact, low).status is Status.PASS
    assert verdict_of(judge, fact, own).status is Status.PASS


def test_what_was_set_beyond_a_bound_that_came_later_goes_on_holding(tmp_path: Path) -> None:
    judge = painted_judge(tmp_path, "now")
    fact = doors(door("hall", painted=int((NOW - timedelta(days=30)).timestamp())))

    def status(days: int) -> Status:
        own = replace(DEVICE, parameters={"Q06-doors-shut": {"days": days}})
        return verdict_of(judge, fact, own).status

    assert [status(10), status(29), status(31)] == [Status.FAIL, Status.FAIL, Status.PASS]


def test_a_measure_is_exported_with_a_result_and_dropped_when_it_fails(tmp_path: Path) -> None:
    more = """
    measures:
      vigie_device_doors: {help: Doors., value: topics.doors.count}
      vigie_device_worst: {help: Never., value: 1 / 0}
      vigie_device_none: {help: Null., value: "newest([])"}
"""

    judged = verdict_of(judge_of(tmp_path, more=more), doors(door("hall"), door("cellar")))

    assert judged.measures == {"vigie_device_doors": 2.0}


def test_only_the_rules_that_read_a_topic_are_judged_when_it_changes(tmp_path: Path) -> None:
    judge = judge_of(tmp_path)
    facts = {"doors": doors(door("hall"))}

    assert judge.judge(DEVICE, facts, now=NOW, topics=frozenset({"pack.own.query"})) == []
    assert len(judge.judge(DEVICE, facts, now=NOW, topics=frozenset({"doors", "x"}))) == 1


def test_the_same_arguments_give_the_same_verdicts(tmp_path: Path) -> None:
    judge = judge_of(tmp_path)
    fact = doors(door("hall"), door("cellar", shut=False))

    assert verdict_of(judge, fact) == verdict_of(judge, fact)


def test_device_text_in_a_reason_is_one_short_printable_piece(tmp_path: Path) -> None:
    fact = doors(door("a\nb\x1b[31m" + "x" * 500, shut=False))

    verdict = verdict_of(judge_of(tmp_path), fact)

    assert verdict.reason["fr"].isprintable()
    assert len(verdict.reason["fr"]) < 120


def test_long_values_that_begin_alike_are_said_alike_and_kept_apart_in_the_evidence(
    tmp_path: Path,
) -> None:
    judge = judge_of(tmp_path)
    first, second = door("x" * 5000 + "1", shut=False), door("x" * 5000 + "2", shut=False)

    said_first = verdict_of(judge, doors(first))
    said_second = verdict_of(judge, doors(second))

    assert said_first.reason == said_second.reason
    assert said_first.offending == (kept(first),)
    assert said_second.offending == (kept(second),)


def test_what_a_rule_does_not_read_changes_nothing_of_its_verdict(tmp_path: Path) -> None:
    judge = judge_of(tmp_path)

    light = verdict_of(judge, doors(door("hall", shut=False, weight=1)))
    heavy = verdict_of(judge, doors(door("hall", shut=False, weight=900)))

    assert light == heavy


def test_an_answer_from_memory_is_as_old_as_its_own_evidence(tmp_path: Path) -> None:
    judge = judge_of(tmp_path)
    verdict_of(judge, doors(door("hall"), observed_at=NOW))
    observed_at = NOW - timedelta(hours=30)

    remembered = verdict_of(judge, doors(door("hall"), observed_at=observed_at))
    too_old = verdict_of(judge, doors(door("hall"), observed_at=NOW - timedelta(days=3)))

    assert remembered.status is Status.PASS
    assert remembered.next_check_at == observed_at + timedelta(days=2)
    assert too_old.status is Status.UNKNOWN


def test_a_rule_sees_what_people_declare_and_follows_it_when_it_changes(tmp_path: Path) -> None:
    declared = "'Q02-x' in site.attested && asset.place == 'salle'"
    judge = judge_of(tmp_path, passes=f"{ALL_SHUT} && {declared}")
    fact = doors(door("hall"))
    told = replace(DEVICE, declared={"site.attested": ("Q02-x",), "asset.place": "salle"})

    said = [verdict_of(judge, fact, device).status for device in (DEVICE, told, DEVICE)]

    assert said == [Status.FAIL, Status.PASS, Status.FAIL]


def test_every_declarable_name_is_seen_though_nobody_declared_it(tmp_path: Path) -> None:
    verdict = verdict_of(
        judge_of(tmp_path, passes=f"size([{', '.join(DECLARED)}]) > 0"), doors(door("hall"))
    )

    assert verdict.status is Status.PASS


def test_what_is_judged_may_not_be_on_the_device(tmp_path: Path) -> None:
    more = """
    not_applicable_when:
      - when: "topics.doors.rows.all(r, r.name == 'flap')"
        rows: topics.doors.rows
        reason: {fr: "Rien que {rows}.", en: "Only {rows}."}"""
    judge = judge_of(tmp_path, more=more)

    verdict = verdict_of(judge, doors(door("flap", shut=False)))

    assert (verdict.status, verdict.reason["en"]) == (Status.NOT_APPLICABLE, "Only flap.")
    assert verdict_of(judge, doors(door("hall", shut=False))).status is Status.FAIL


def test_what_is_judged_is_not_said_to_be_absent_while_a_part_is_missing(tmp_path: Path) -> None:
    more = """
    partial: [pass, fail]
    not_applicable_when:
      - when: "topics.doors.rows.all(r, r.name == 'flap')"
        reason: {fr: Rien., en: Nothing.}"""
    judge = judge_of(tmp_path, more=more)
    unread = {**door("", part="back"), "collected": False, "why": "needs root"}

    assert verdict_of(judge, doors(door("flap"), unread)).status is Status.UNKNOWN


def test_a_sentence_says_the_words_that_hold_in_each_language(tmp_path: Path) -> None:
    more = """
    words:
      where:
        - {when: "topics.doors.rows.exists(r, r.name == 'hall')", fr: entrée, en: hall}
        - {when: "topics.doors.rows.exists(r, r.name == 'yard')", fr: cour, en: yard}
        - {when: "device.chassis == 'laptop'", fr: portable, en: laptop}
"""
    judge_of(tmp_path, more=more)
    rules = (tmp_path / "guide" / "q06.yaml").read_text("utf-8")
    rules = rules.replace("Ouvertes : {rows} ({count}).", "Ouvertes : {w.where}.")
    (tmp_path / "guide" / "q06.yaml").write_text(
        rules.replace("Open: {rows} ({count}).", "{w.where}.")
    )
    judge = Judge(load_catalogue(tmp_path / "topics", tmp_path / "guide", whys_file()))

    verdict = verdict_of(judge, doors(door("hall", shut=False)))
    other = verdict_of(judge, doors(door("hall", shut=False)), replace(DEVICE, chassis="desktop"))

    assert verdict.reason == {"fr": "Ouvertes : entrée, portable.", "en": "hall, laptop."}
    assert other.reason == {"fr": "Ouvertes : entrée.", "en": "hall."}


def test_a_clock_that_drifts_is_judged_anew_on_the_same_evidence(tmp_path: Path) -> None:
    near = "device.clock_skew_seconds != null && device.clock_skew_seconds < 60.0"
    judge = judge_of(tmp_path, passes=near)
    fact = doors(door("hall"))

    statuses = [
        verdict_of(judge, fact, replace(DEVICE, clock_skew_seconds=skew)).status
        for skew in (2.5, 700.0, None, 3.0)
    ]

    assert statuses == [Status.PASS, Status.FAIL, Status.FAIL, Status.PASS]


def test_of_known_products_alone_are_rows_seen_and_all_are_counted(tmp_path: Path) -> None:
    judge_of(tmp_path, passes="size(topics.doors.rows) == 1 && topics.doors.count == 3")
    (tmp_path / "guide" / "reference").mkdir()
    (tmp_path / "guide" / "reference" / "locks.yaml").write_text(
        "products: locks\nrecorded: 2026-11-01\nsource: Ours\n"
        "entries:\n  - {product: Bolt, names: [bolt]}\n",
        encoding="utf-8",
    )
    path = tmp_path / "guide" / "q06.yaml"
    text = path.read_text("utf-8").replace("[name, shut]}", "[name, shut], known: {name: locks}}")
    locks = "parameters:\n      locks: {type: products, about: {fr: V, en: L}, default: locks}\n"
    path.write_text(text.replace("    max_age: 2d\n", f"    {locks}    max_age: 2d\n"), "utf-8")
    judge = Judge(load_catalogue(tmp_path / "topics", tmp_path / "guide", whys_file()))

    verdict = verdict_of(judge, doors(door("hall"), door("bolt"), door("yard")))

    assert verdict.status is Status.PASS, verdict.reason
