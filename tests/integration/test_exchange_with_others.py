"""Files that other programs wrote, taken; and what is found, as an audit of theirs."""

import csv
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import text

from fakes.stored import SITE, a_device, a_token, opened_store
from vigie_server.bundled import bundled_attestations, bundled_catalogue, bundled_site_guide
from vigie_server.cli.main import main
from vigie_server.domain.ciso_framework import requirements
from vigie_server.domain.facility_report.questions import HEADINGS
from vigie_server.store.attestations import Attestations
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database, sqlite_url

GROUP = "Informations financières et administratives - "
GLPI = (
    f'"Nom";"Entité";"Numéro de série";"Lieu";"{GROUP}Fournisseur";"{GROUP}Date d\'achat";'
    f'"{GROUP}Date d\'expiration de la garantie";"Système d\'exploitation - Nom";\r\n'
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with opened_store("sqlite", tmp_path) as store:
        a_token(store)
        for name in ("a", "b", "c"):
            a_device(store, name, serial=f"PF-{name}", hostname=f"poste-{name}")
    return tmp_path


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["exchange", *arguments], env={"VIGIE_SERVER_DATA": str(data)})


def cards_of(data: Path) -> dict[str, dict[str, object]]:
    with closing(Database(sqlite_url(data / "vigie.db"))) as store:
        return {device.id: dict(card.cells) for device, card in Cards(store).cards(None)}


def glpi_file(data: Path, *rows: str) -> str:
    (data / "glpi.csv").write_text(GLPI + "".join(rows), encoding="utf-8-sig", newline="")
    return str(data / "glpi.csv")


def test_cards_are_filled_from_glpi_and_each_sides_unknown_computers_are_told(data: Path) -> None:
    file = glpi_file(
        data,
        '"POSTE-B";"EHPAD";"pf-a";"Bât. A > Accueil";"Dupont";"03-02-2024";"2027-02-03";\r\n',
        '"poste-b";"EHPAD";"";"";"Autre";"";"";"Windows";\r\n',
        '"vieux-pc";"EHPAD";"XX";"Cave";"";"";"";"Windows";\r\n',
    )
    CliRunner().invoke(
        main, ["asset", "set", "b", "supplier=Martin"], env={"VIGIE_SERVER_DATA": str(data)}
    )

    looked = run(data, "from-glpi", file, "--dry-run")
    before = cards_of(data)
    done = run(data, "from-glpi", file)
    after = cards_of(data)
    replaced = run(data, "from-glpi", file, "--replace")

    assert looked.exit_code == done.exit_code == replaced.exit_code == 0, done.output
    assert before == {"a": {}, "b": {"supplier": "Martin"}, "c": {}}
    assert "1 asset card to change" in looked.output
    assert after["a"] == {
        "supplier": "Dupont",
        "purchased_at": "2024-02-03",
        "place": "Bât. A > Accueil",
        "warranty_ends_at": "2027-02-03",
    }
    assert after["b"] == {"supplier": "Martin"}
    assert "3 computers of GLPI read, 1 asset card changed." in done.output
    assert "1 computer of GLPI that Vigie does not watch: vieux-pc." in done.output
    assert "1 computer here that GLPI's list lacks: poste-c." in done.output
    assert cards_of(data)["b"] == {"supplier": "Autre"}


def test_a_wrong_day_leaves_every_card_as_it_was(data: Path) -> None:
    file = glpi_file(
        data,
        '"poste-a";"";"";"Accueil";"";"03-02-2024";"";"";\r\n',
        '"poste-b";"";"";"";"";"02-23-2024";"demain";"";\r\n',
    )

    refused = run(data, "from-glpi", file)

    assert refused.exit_code == 1
    assert f"line 3, {GROUP}Date d'achat: '02-23-2024' has the month first" in refused.stderr
    assert "'demain' is not a day" in refused.stderr
    assert not any(cards_of(data).values())


def test_computers_that_may_be_several_devices_are_told_and_left(data: Path) -> None:
    with closing(Database(sqlite_url(data / "vigie.db"))) as store, store.writing() as connection:
        connection.execute(text("UPDATE device SET hostname = 'salle', hardware_serial = ''"))
    file = glpi_file(data, '"Salle";"";"";"Accueil";"";"";"";"";\r\n')

    done = run(data, "from-glpi", file)

    assert "1 computer of GLPI that may be several devices here: Salle." in done.output
    assert not any(cards_of(data).values())


def test_a_file_that_is_no_list_of_computers_says_what_it_lacks(data: Path) -> None:
    (data / "other.csv").write_text("a;b\n1;2\n")

    refused = run(data, "from-glpi", str(data / "other.csv"))
    missing = run(data, "from-glpi", str(data / "none.csv"))

    assert refused.exit_code == missing.exit_code == 1
    assert "neither « Nom » nor" in refused.stderr
    assert "cannot be read" in missing.stderr


def test_the_framework_holds_everything_that_is_judged_and_attested(data: Path) -> None:
    done = run(data, "ciso-framework", str(data / "guide.yaml"))

    assert done.exit_code == 0, done.output
    library = yaml.safe_load((data / "guide.yaml").read_text("utf-8"))
    nodes = library["objects"]["framework"]["requirement_nodes"]
    headings = [node for node in nodes if not node["assessable"]]
    assert [node["ref_id"] for node in headings] == [f"Q{number:02}" for number in HEADINGS]
    catalogue = bundled_catalogue()
    guide = bundled_site_guide(catalogue)
    judged = {*catalogue.rules, *guide.site_rules, *guide.mail_rules}
    held = {node["ref_id"]: node for node in nodes if node["assessable"]}
    assert set(held) == judged | set(bundled_attestations().items)
    urns = [node["urn"] for node in nodes]
    assert len(set(urns)) == len(urns)
    assert all(node["parent_urn"] in urns for node in held.values())
    assert held["Q05-min-length"]["translations"]["en"]["name"]
    assert isinstance(library["version"], int)


def test_results_tell_what_is_known_and_nothing_more(data: Path) -> None:
    environment = {"VIGIE_SERVER_DATA": str(data)}
    with closing(Database(sqlite_url(data / "vigie.db"))) as store, store.writing() as connection:
        counts = "passing, failing, waived, unknown, not_applicable"
        for rule, row in (
            ("Q05-min-length", "2, 1, 0, 0, 0"),
            ("Q05-screen-lock", "3, 0, 0, 0, 0"),
            ("Q06-firewall-enabled", "0, 2, 1, 0, 0"),
            ("Q04-signatures-fresh", "0, 0, 0, 3, 0"),
            ("Q08-no-stale-account", "0, 0, 0, 0, 3"),
        ):
            connection.execute(
                text(
                    f"INSERT INTO rule_count (site_key, rule, {counts}) "  # noqa: S608 (ours)
                    f"SELECT key, '{rule}', {row} FROM site WHERE name = :site"
                ),
                {"site": SITE},
            )
    CliRunner().invoke(
        main,
        ["attest", "record", "Q02-restore-test", "--site", SITE, "--author", "=Anaïs"],
        env=environment,
    )

    done = run(data, "ciso-results", str(data / "results.csv"), "--site", SITE)
    nowhere = run(data, "ciso-results", str(data / "none.csv"), "--site", "Nulle part")

    assert done.exit_code == 0, done.output
    assert nowhere.exit_code == 1
    with (data / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["ref_id"]: row for row in csv.DictReader(file)}
    found = {
        rule: (rows[rule]["compliance_result"], rows[rule]["requirement_progress"])
        for rule in rows
        if rows[rule]["observations"] or rows[rule]["compliance_result"] != "not_assessed"
    }
    assert found["Q05-min-length"] == ("partially_compliant", "done")
    assert rows["Q05-min-length"]["observations"] == "2 postes conformes, 1 non conforme"
    assert found["Q05-screen-lock"] == ("compliant", "done")
    assert found["Q06-firewall-enabled"] == ("non_compliant", "done")
    assert found["Q04-signatures-fresh"] == ("not_assessed", "to_do")
    assert found["Q08-no-stale-account"] == ("not_applicable", "done")
    assert found["Q02-restore-test"] == ("compliant", "done")
    assert rows["Q02-restore-test"]["observations"].startswith("attesté par =Anaïs le ")
    catalogue = bundled_catalogue()
    named = requirements(catalogue, bundled_site_guide(catalogue), bundled_attestations())
    assert set(rows) == {one.id for one in named}


def test_an_audit_attests_what_it_found_and_leaves_what_is_measured(data: Path) -> None:
    audit = (
        "urn;ref_id;name;compliance_result;observations\r\n"
        "u;Q02-restore-test;x;compliant;PV du 3 mars\r\n"
        "u;Q13-contract-requirements;x;partially_compliant;\r\n"
        "u;Q05-min-length;x;compliant;\r\n"
        "u;Q02-backup-frequency;x;compliant;\r\n"
        "u;Q12-coverage-reviewed;x;not_assessed;\r\n"
        "u;ISO-5.1;x;compliant;\r\n"
    )
    (data / "audit.csv").write_text(audit, encoding="utf-8-sig")
    arguments = ("from-ciso", str(data / "audit.csv"), "--site", SITE, "--author", "Anaïs")

    looked = run(data, *arguments, "--dry-run")
    done = run(data, *arguments)
    again = run(data, *arguments)

    assert looked.exit_code == done.exit_code == again.exit_code == 0, done.output
    assert "Nothing was changed" in looked.output
    assert "2 attestations new" in done.output
    assert "0 attestations new" in again.output
    assert "1 item carries a value, to be attested here: Q02-backup-frequency." in done.output
    assert "1 row is of nothing that is known here: ISO-5.1." in done.output
    with closing(Database(sqlite_url(data / "vigie.db"))) as store:
        standing = Attestations(store, frozenset()).standing(SITE)
    assert {(one.item, one.outcome.value, one.document) for one in standing} == {
        ("Q02-restore-test", "held", "PV du 3 mars"),
        ("Q13-contract-requirements", "not_held", ""),
    }


def test_an_audit_with_a_mistake_attests_nothing(data: Path) -> None:
    audit = (
        "ref_id;compliance_result;observations\n"
        "Q02-restore-test;compliant;\n"
        "Q12-coverage-reviewed;not_applicable;\n"
        "Q13-contract-requirements;perhaps;\n"
    )
    (data / "audit.csv").write_text(audit)

    refused = run(data, "from-ciso", str(data / "audit.csv"), "--site", SITE, "--author", "Anaïs")

    assert refused.exit_code == 1
    assert "line 3, observations: what does not apply needs a reason" in refused.stderr
    assert "line 4, compliance_result: 'perhaps' is none of" in refused.stderr
    with closing(Database(sqlite_url(data / "vigie.db"))) as store:
        assert Attestations(store, frozenset()).standing(SITE) == []
