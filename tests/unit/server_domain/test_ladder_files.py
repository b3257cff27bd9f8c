"""The ladder as a file: what it may say, and how it is refused."""

from pathlib import Path

import pytest

from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.ladder_files import KnownIds, load_ladder, load_level_words
from vigie_server.domain.maturity import AnyOf, Attested, OfSite, Population, Share

KNOWN = KnownIds(
    rules=frozenset({"Q09-disk-encrypted", "Q06-firewall-enabled"}),
    site_rules=frozenset({"Q01-coverage"}),
    attestations=frozenset({"Q02-restore-test", "Q10-charter-signed"}),
)
PLAIN = "- {attested: Q02-restore-test}"


def a_ladder(folder: Path, *, n1: str = PLAIN, questions: int = 13) -> Path:
    """A file whose every level asks for one attestation, but the first of question 1."""
    lines = ["questions:"]
    for question in range(1, questions + 1):
        lines.append(f"  {question}:")
        for level in (1, 2, 3, 4):
            condition = n1 if (question, level) == (1, 1) else PLAIN
            lines += [f"    N{level}:", *(f"      {line}" for line in condition.splitlines())]
    path = folder / "maturity.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_conditions_read_as_what_they_ask(tmp_path: Path) -> None:
    path = a_ladder(
        tmp_path,
        n1="- {share: Q06-firewall-enabled}\n"
        "- {share: Q09-disk-encrypted, of: nomadic}\n"
        "- {every: Q09-disk-encrypted}\n"
        "- {site: Q01-coverage}\n"
        "- {attested: Q10-charter-signed, at_least: 100}\n"
        "- {attested: Q02-restore-test, value: 'no'}\n"
        "- any:\n"
        "    - [{site: Q01-coverage}, {attested: Q02-restore-test}]\n"
        "    - [{share: Q06-firewall-enabled}]",
    )

    assert load_ladder(path, KNOWN)[1][1] == (
        Share("Q06-firewall-enabled"),
        Share("Q09-disk-encrypted", of=Population.NOMADIC),
        Share("Q09-disk-encrypted", every=True),
        OfSite("Q01-coverage"),
        Attested("Q10-charter-signed", at_least=100.0),
        Attested("Q02-restore-test", value="no"),
        AnyOf(
            (
                (OfSite("Q01-coverage"), Attested("Q02-restore-test")),
                (Share("Q06-firewall-enabled"),),
            )
        ),
    )


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("- {share: Q09-disk-encryptd}", "there is no rule `Q09-disk-encryptd`: did you mean"),
        ("- {site: Q01-covrage}", "`Q01-covrage`: did you mean `Q01-coverage`"),
        ("- {attested: Q02-restore-tests}", "did you mean `Q02-restore-test`"),
        ("- any:\n    - [{site: Q01-coverage}, {share: nothing}]", "there is no rule `nothing`"),
        ("- {share: Q01-coverage}", "there is no rule `Q01-coverage`"),
        ("- {attested: Q02-restore-test, at_least: many}", "must be a number"),
        ("- {share: Q06-firewall-enabled, of: laptops}", "must be one of all, nomadic"),
        ("- {share: Q06-firewall-enabled, fo: nomadic}", "is not a key of this place"),
        ("- {wanted: Q06-firewall-enabled}", "must be one of share, every, site, attested, any"),
        ("- any: []", "must hold lists of conditions"),
        ("- any: [Q01-coverage]", "must be a list of lists of keys and values"),
        ("[]", "must hold conditions under `N1`"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, condition: str, told: str) -> None:
    with pytest.raises(RulesMalformed, match=r"maturity\.yaml:[0-9]+: ") as refused:
        load_ladder(a_ladder(tmp_path, n1=condition), KNOWN)

    assert told in str(refused.value)


def test_a_ladder_that_lacks_a_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesMalformed, match="lacks `13`"):
        load_ladder(a_ladder(tmp_path, questions=12), KNOWN)


def test_where_attestations_are_not_listed_an_id_still_has_its_form(tmp_path: Path) -> None:
    unlisted = KnownIds(rules=KNOWN.rules, site_rules=KNOWN.site_rules)

    with pytest.raises(RulesMalformed, match="is not an id such as"):
        load_ladder(a_ladder(tmp_path, n1="- {attested: restore test}"), unlisted)
    assert load_ladder(a_ladder(tmp_path, n1="- {attested: Q02-any}"), unlisted)[1][1] == (
        Attested("Q02-any"),
    )


def test_a_level_without_words_in_a_language_is_refused(tmp_path: Path) -> None:
    levels = ", ".join(f"N{level}: {{fr: a, en: b}}" for level in range(4))
    path = tmp_path / "levels.yaml"
    path.write_text(
        "questions:\n" + "".join(f"  {n}: {{{levels}, N4: {{fr: a}}}}\n" for n in range(1, 14)),
        encoding="utf-8",
    )

    with pytest.raises(RulesMalformed, match="lacks `en`"):
        load_level_words(path)
