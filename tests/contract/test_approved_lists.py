"""Lists of products beside the packs that find them: what is found is in, or knowingly not."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.reference import NameList

PACKS: Final = Path(__file__).parents[2] / "queries" / "packs"
CATALOGUE: Final = bundled_catalogue()
LEFT_OUT: Final = {
    "Mullvad": "hides a household's address, leads to its seller's servers",
    "LastPass": "its customers' vaults were copied in 2022",
}


def sql_of(pack: str, part: str) -> str:
    queries = json.loads((PACKS / f"{pack}.json").read_text("utf-8").replace("\\\n", ""))["queries"]
    return " ".join(about["query"] for about in queries.values() if about["part"] == part)


def approved(rule: str) -> NameList:
    names = CATALOGUE.rules[rule].parameters["approved"].default
    assert isinstance(names, NameList)
    return names


def vpn_clients() -> set[str]:
    """The first text of a triple on Linux and macOS, the second of a pair on Windows."""
    sql = sql_of("vpn", "clients")
    triples = re.findall(r"\('([^']+)', '/[^']+', '[^']*'\)", sql)
    return {*triples, *re.findall(r"\('[^']+', '([^']+)'\)", sql)}


def vaults() -> set[str]:
    """The second text of a pair for extensions, what a CASE gives for programs."""
    sql = sql_of("browsers", "managers")
    return {*re.findall(r"\('[^']+', '([^']+)'\)", sql), *re.findall(r"THEN '([^']+)'", sql)}


@pytest.mark.parametrize(
    ("rule", "found", "known"),
    [
        ("Q09-vpn-installed", vpn_clients(), {"WireGuard", "TheGreenBow", "Tunnelblick"}),
        ("Q05-password-vault", vaults(), {"KeePassXC", "LockPass", "Bitwarden"}),
    ],
)
def test_what_the_packs_find_is_approved_or_left_out_knowingly(
    rule: str, found: set[str], known: set[str]
) -> None:
    assert known < found
    assert {name for name in found if not approved(rule).holds(name)} == found & LEFT_OUT.keys()


@pytest.mark.parametrize(
    "name",
    ["accueil", "Infirmerie2", "poste12", "PC-ACCUEIL", "stagiaire.nuit", "éducateurs", "salle2"],
)
def test_a_place_a_trade_or_a_machine_is_a_generic_name(name: str) -> None:
    names = CATALOGUE.rules["Q05-no-generic-account"].parameters["names"].default

    assert isinstance(names, NameList)
    assert names.holds(name)


@pytest.mark.parametrize(
    "name",
    [
        "marie.durand",
        "p.ostermann",
        "ash.martin",
        "Pierre",
        "Rose",
        "m.bureau",
        "salles.pierre",
        "bureaud",
        "userin",
        "idelette",
    ],
)
def test_a_person_s_name_is_not_generic(name: str) -> None:
    names = CATALOGUE.rules["Q05-no-generic-account"].parameters["names"].default

    assert isinstance(names, NameList)
    assert not names.holds(name)
