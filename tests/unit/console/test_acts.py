"""Acts of the audit, in French."""

import ast
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

import vigie_server
from vigie_server.console.presenters.acts import FRENCH, ActSeen, act_seen, in_french
from vigie_server.domain.french import spaced
from vigie_server.ports.lists import AuditedAct

SOURCES: Final = Path(vigie_server.__file__).parent
KEEPERS: Final = {"record_act": 2, "_note": 2, "_act": 1, "_record": -2}
"""Functions that keep an act, and which of their arguments says what was done."""


def kept_acts() -> Iterator[str]:
    """Every act that the sources keep in the audit, with `{}` for what each names."""
    for path in sorted((SOURCES / "store").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call):
                        yield from said_by(call, function)


def said_by(call: ast.Call, function: ast.FunctionDef) -> list[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    by_name = [given.value for given in call.keywords if given.arg == "action"]
    at = KEEPERS.get(name)
    by_place = [call.args[at]] if at is not None and len(call.args) > max(at, 1) else []
    return [text for node in by_name + by_place for text in texts(node, function)]


def texts(node: ast.expr, function: ast.FunctionDef) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.FormattedValue(value=value):
            return texts(value, function) or ["{}"]
        case ast.JoinedStr(values=values):
            parts = itertools.product(*(texts(value, function) for value in values))
            return ["".join(found) for found in parts]
        case ast.IfExp(body=one, orelse=other):
            return texts(one, function) + texts(other, function)
        case ast.Name(id=name):
            return [
                text
                for found in ast.walk(function)
                if isinstance(found, ast.Assign)
                and any(isinstance(to, ast.Name) and to.id == name for to in found.targets)
                for text in texts(found.value, function)
            ]
        case _:
            return []


def test_every_act_that_is_kept_is_told_in_french() -> None:
    acts = sorted({act.replace("{}", "x") for act in kept_acts()} - {"{}"})

    assert len(acts) > 45
    assert [act for act in acts if in_french(act) is None] == []


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("attestation Q02-restore-test: not_held", "attestation Q02-restore-test : pas fait"),
        ("changed an account: contractor, Les Lilas, until 2027-01-01",
         "droits du compte modifiés : prestataire, Les Lilas, jusqu'au 2027-01-01"),
        ("declared not nomadic", "déclaré non nomade"),
        ("set Q05-min-length min_length = [1, 2] for a site: c'est dit: oui",
         "paramètre Q05-min-length min_length = [1, 2] pour un établissement : c'est dit: oui"),
        ("asked site Les Lilas (12 devices) x (le {jour})",
         "question posée à l'établissement Les Lilas (équipements : 12) : x (motif : le {jour})"),
        ("GET /api/v1/x: 200, 2 requests, 30 rows; devices a, b",
         "consultation de /api/v1/x : réponse 200, requêtes : 2, lignes : 30 ; équipements a, b"),
        ("did what no version does", None),
    ],
)  # fmt: skip
def test_what_an_act_names_is_passed_on(action: str, told: str | None) -> None:
    assert in_french(action) == (None if told is None else spaced(told))


def test_an_act_that_nobody_put_in_french_is_marked_as_english() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    known = AuditedAct(at, "account:Anaïs", "signed in", "Anaïs")
    other = AuditedAct(at, "server", "did what no version does", "every site")

    assert act_seen(known, "fr") == ActSeen("compte\u00a0: Anaïs", "connexion", "Anaïs", "fr")
    assert act_seen(other, "fr") == ActSeen(
        "serveur", "did what no version does", "tous les établissements", "en"
    )
    assert act_seen(known, "en") == ActSeen("account:Anaïs", "signed in", "Anaïs", "en")


def test_no_text_of_an_act_is_there_twice() -> None:
    assert len(set(FRENCH.values())) == len(FRENCH)
