"""A site's own topics and rules: beside the release's, held to the same, and never by surprise."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue, whys_file
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.examples import NOW
from vigie_server.domain.judge import Judge
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status

TOPIC: Final = """
topic: {name}
version: 1
title: {{fr: Lecteurs de badges, en: Badge readers}}
purpose: {{fr: Pour essai, en: For trial}}
guide_questions: [6]
interval: 3600
personal_data: none
retention_days: 90
keys: [name]
columns:
  name: {{type: text}}
  locked: {{type: boolean}}
parts:
  readers: {{platforms: [linux, windows], empty: {empty}}}
"""
RULES: Final = """question: 6
rules:
  - id: X-readers-locked
    version: 1
    severity: major
    platforms: [linux]
    title: {fr: Lecteurs verrouillés, en: Readers locked}
    why: {fr: Il le faut, en: It must be}
    remediation: {linux: {fr: Verrouillez, en: Lock them}}
    reads:
      pack.badges.readers: {version: 1, columns: [name, locked]}
    let:
      open: topics.pack_badges_readers.rows.filter(r, r.locked == false)
    pass: size(open) == 0
    offending: open
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: Verrouillés., en: Locked.}
      fail: {fr: "Ouverts : {rows}.", en: "Open: {rows}."}
    examples:
      - name: verrouillé
        verdict: pass
        platform: linux
        topics: {pack.badges.readers: [{name: hall, locked: 1}]}
      - name: ouvert
        verdict: fail
        platform: linux
        topics: {pack.badges.readers: [{name: hall, locked: 0}]}
      - {name: rien, verdict: unknown, platform: linux}
"""
READERS: Final = "pack.badges.readers"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def own(folder: Path, rules: str = RULES, **topic: str) -> Path:
    declared = TOPIC.format(**({"name": READERS, "empty": "unknown"} | topic))
    return write(folder, {f"topics/{READERS}.yaml": declared, "guide/readers.yaml": rules})


def refusal(folder: Path) -> str:
    with pytest.raises(RulesMalformed) as refused:
        bundled_catalogue(own=folder)
    return str(refused.value)


def test_a_sites_own_rules_are_in_force_beside_the_releases(tmp_path: Path) -> None:
    shipped = bundled_catalogue()

    catalogue = bundled_catalogue(own=own(tmp_path))

    assert catalogue.rules.keys() == shipped.rules.keys() | {"X-readers-locked"}
    assert catalogue.rules["X-readers-locked"].own
    assert not any(catalogue.rules[rule].own for rule in shipped.rules)
    assert catalogue.questions[6] == shipped.questions[6]


def test_the_digest_follows_a_sites_own_files(tmp_path: Path) -> None:
    files = own(tmp_path)
    digests = {bundled_catalogue().digest, bundled_catalogue(own=files).digest}

    (files / "guide" / "readers.yaml").write_text(RULES.replace("major", "minor"), "utf-8")
    digests.add(bundled_catalogue(own=files).digest)
    (files / "topics" / f"{READERS}.yaml").write_text(
        TOPIC.format(name=READERS, empty="fact"), "utf-8"
    )
    digests.add(bundled_catalogue(own=files).digest)

    assert len(digests) == 4


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("X-readers-locked", "readers-locked", "`id` must begin with X-"),
        ("X-readers-locked", "Q06-readers-locked", "`id` must begin with X-"),
        (
            "X-readers-locked",
            "Q06-firewall-enabled",
            "readers.yaml:3: `id` `Q06-firewall-enabled` comes with the release",
        ),
        (
            "id: X-readers-locked",
            "{id: Q06-firewal-enabled, replaces: true}",
            "readers.yaml",
        ),
        (
            "id: X-readers-locked",
            "id: Q06-firewal-enabled\n    replaces: true",
            "does not come with the release: did you mean `Q06-firewall-enabled`?",
        ),
        (
            "id: X-readers-locked",
            "id: Q04-antivirus-active\n    replaces: true",
            "`id` is of another question",
        ),
        ("question: 6", "question: 14", "`question` must be one of the guide's"),
        ("pack.badges.readers: {v", "pack.badges.reader: {v", "did you mean `pack.badges.readers`"),
        ("{name: hall, locked: 1}", "{nom: hall, locked: 1}", "`nom` is no column of pack.badges"),
    ],
)
def test_a_sites_own_rule_that_is_wrong_is_refused(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    assert was in RULES

    assert says in refusal(own(tmp_path, RULES.replace(was, becomes, 1)))


def test_a_rule_of_the_release_is_replaced_only_where_the_file_says_so(tmp_path: Path) -> None:
    mine = RULES.replace("id: X-readers-locked", "id: Q06-firewall-enabled\n    replaces: true")

    catalogue = bundled_catalogue(own=own(tmp_path, mine))

    assert catalogue.rules["Q06-firewall-enabled"].own
    assert catalogue.rules["Q06-firewall-enabled"].title["en"] == "Readers locked"
    assert catalogue.rules.keys() == bundled_catalogue().rules.keys()


def test_one_id_in_two_files_is_refused(tmp_path: Path) -> None:
    files = write(own(tmp_path), {"guide/again.yaml": RULES})

    assert "readers.yaml:3: `id` is there twice" in refusal(files)


def test_no_topic_or_list_of_the_release_is_replaced(tmp_path: Path) -> None:
    files = write(
        own(tmp_path),
        {
            "topics/firewall.yaml": TOPIC.format(name="firewall", empty="fact"),
            "guide/reference/remote_control.yaml": (
                "list: remote_control\nrecorded: 2026-11-01\nsource: Ours\nnames: [x]\n"
            ),
        },
    )

    told = refusal(files).splitlines()

    assert len(told) == 2
    assert told[0].startswith("firewall.yaml: this topic comes with the release")
    assert told[1].startswith("remote_control.yaml: it comes with the release")


def test_a_rule_meets_a_list_of_the_sites_own(tmp_path: Path) -> None:
    rules = RULES.replace(
        "    let:",
        "    parameters:\n"
        "      halls: {type: list, about: {fr: a, en: a}, default: {list: halls}}\n"
        "    let:",
    ).replace("r.locked == false)", "r.locked == false && listed(p.halls, r.name))")
    listed = "list: halls\nrecorded: 2026-11-01\nsource: Ours\nnames: [hall]\n"
    files = write(own(tmp_path, rules), {"guide/reference/halls.yaml": listed})

    catalogue = bundled_catalogue(own=files)

    assert "halls" in catalogue.references


def test_two_topics_that_rules_could_not_tell_apart_are_refused(tmp_path: Path) -> None:
    files = write(
        own(tmp_path),
        {
            "topics/pack.badges-readers.x.yaml": TOPIC.format(
                name="pack.badges-readers.x", empty="fact"
            )
        }
        | {
            "topics/pack.badges.readers-x.yaml": TOPIC.format(
                name="pack.badges.readers-x", empty="fact"
            )
        },
    )

    assert "rules would know it as topics.pack_badges_readers_x" in refusal(files)


def test_a_pack_of_the_sites_own_has_one_part(tmp_path: Path) -> None:
    files = own(tmp_path)
    path = files / "topics" / f"{READERS}.yaml"
    path.write_text(
        path.read_text("utf-8") + "  more: {platforms: [linux], empty: fact}\n", "utf-8"
    )

    assert "`parts` must be one" in refusal(files)


def test_of_a_topic_that_is_malformed_only_the_topic_is_told(tmp_path: Path) -> None:
    files = own(tmp_path, empty="perhaps")

    assert len(refusal(files).splitlines()) == 1


@pytest.mark.parametrize("files", [{}, {"guide.yaml": RULES}])
def test_a_folder_that_is_not_one_of_rules_is_refused(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert "must be a folder that holds `guide` or `topics`" in refusal(write(tmp_path, files))


def test_files_that_would_be_passed_over_are_refused(tmp_path: Path) -> None:
    files = write(own(tmp_path), {"guide/more.yml": RULES, "readers.yaml": RULES})

    told = refusal(files).splitlines()

    assert [line.partition(":")[0] for line in told] == ["guide/more.yml", "readers.yaml"]


def judged(catalogue: Catalogue, columns: list[str], values: list[str]) -> Status:
    device = Device("d1", "s1", "standard", "linux", DeviceState.ACTIVE, last_report_at=NOW)
    fact = catalogue.topics[READERS].convert(
        topic_version=1,
        status="ok",
        message="",
        columns=columns,
        values=values,
        observed_at=NOW - timedelta(hours=1),
    )
    (verdict,) = Judge(catalogue).judge(
        device, {READERS: fact}, now=NOW, topics=frozenset({READERS}), on_device=False
    )
    return verdict.status


@pytest.mark.parametrize(
    ("columns", "values", "status"),
    [
        (["name", "locked"], ["hall", "1"], Status.PASS),
        (["name", "locked"], ["hall", "0"], Status.FAIL),
        (["name", "locked"], ["hall", "perhaps"], Status.UNKNOWN),
        (["name"], ["hall"], Status.UNKNOWN),
        (["name", "locked"], [], Status.UNKNOWN),
        (["part", "collected", "why", "name", "locked"], ["readers", "no", "x", "", ""], "unknown"),
        (["part", "collected", "why", "name", "locked"], ["readers", "yes", "", "h", "1"], "pass"),
        (["part", "name", "locked"], ["another", "hall", "1"], Status.UNKNOWN),
    ],
)
def test_a_query_that_knows_nothing_of_parts_is_judged(
    tmp_path: Path, columns: list[str], values: list[str], status: Status
) -> None:
    catalogue = bundled_catalogue(own=own(tmp_path))

    assert judged(catalogue, columns, values) == status


def test_a_topic_of_the_release_takes_nothing_as_said(tmp_path: Path) -> None:
    catalogue = bundled_catalogue(own=own(tmp_path))

    fact = catalogue.topics["firewall"].convert(
        topic_version=1, status="ok", message="", columns=["name"], values=["x"], observed_at=NOW
    )

    assert fact.rows == ({"name": "x"},)


def test_the_same_holds_for_a_whole_catalogue_in_a_folder(tmp_path: Path) -> None:
    rules = RULES.replace("X-readers", "Q06-readers").replace(
        "question: 6", "question: 6\ntitle: {fr: a, en: b}"
    )
    declared = TOPIC.format(name=READERS, empty="fact")
    write(tmp_path, {f"topics/{READERS}.yaml": declared, "guide/q06.yaml": rules})

    catalogue = load_catalogue(tmp_path / "topics", tmp_path / "guide", whys_file())

    assert [rule.own for rule in catalogue.rules.values()] == [False]
