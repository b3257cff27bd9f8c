"""The console's pages of live questions: who asks whom, what is refused, and what is read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from fakes.callers import Callers
from fakes.console import console_over
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from vigie_server.domain.asking import Outcome
from vigie_server.ports.asking import AskedQuestion, GivenAnswer
from vigie_server.ports.declaring import Act
from vigie_server.ports.lists import ActsWanted
from vigie_server.ports.tokens import Role
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.questions import Questions

OTHER: Final = "Les Lilas"
ASK: Final = "/console/questions/ask"
FORM: Final = {
    "question": "application-version",
    "p-name": "firefox",
    "whom": "site",
    "of": SITE,
    "purpose": "faille annoncée",
    "what": "ask",
    "once": "1",
}


@pytest.fixture
def keys() -> dict[str, int]:
    return {}


@pytest.fixture
def database(tmp_path: Path, keys: dict[str, int]) -> Iterator[Database]:
    """Devices `a` and `b` at Les Tilleuls and `c` at Les Lilas."""
    with opened_store("sqlite", tmp_path) as opened:
        a_token(opened)
        a_token(opened, secret_hash=b"o" * 32, site=OTHER)
        keys["a"] = a_device(opened, "a", serial="PF-1", hostname="ACC-1")
        keys["b"] = a_device(opened, "b", serial="PF-2", hostname="CUISINE")
        keys["c"] = a_device(opened, "c", serial="PF-3", secret_hash=b"o" * 32)
        Groups(opened).put(SITE, "accueil", '{"hostname": ["ACC-*"]}', Act("test", NOW))
        yield opened


@pytest.fixture
def client(database: Database) -> TestClient:
    return TestClient(console_over(database, now=lambda: NOW), follow_redirects=False)


@pytest.fixture
def as_(database: Database) -> Callers:
    return Callers(database, NOW)


def asked(database: Database) -> list[AskedQuestion]:
    return list(Questions(database).questions(None, now=NOW, after=None, limit=10).items)


def test_a_question_is_looked_at_asked_once_and_its_answers_are_read(
    client: TestClient, as_: Callers, database: Database, keys: dict[str, int]
) -> None:
    operator = as_(Role.OPERATOR, SITE)
    assert "faille" in client.get("/console/questions", headers=operator).text

    look = client.post(ASK, data=FORM | {"what": "look"}, headers=operator)
    assert "2\u00a0équipements recevraient" in look.text or "2 équipements" in look.text
    assert asked(database) == []
    refused = [client.post(ASK, data=FORM | {"purpose": ""}, headers=operator) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [422, 422]
    assert "idempotency-replayed" not in refused[1].headers
    answers = [client.post(ASK, data=FORM, headers=operator) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[1].headers["idempotency-replayed"] == "true"
    (question,) = asked(database)
    page = answers[1].headers["location"].partition("?")[0]
    assert page == answers[0].headers["location"].partition("?")[0]

    waiting = client.get(page, headers=operator).text
    assert 'data-refresh="2"' in waiting
    assert "0 réponse sur 2" in waiting
    Questions(database).answer(
        [
            GivenAnswer(
                question.question.id,
                keys["a"],
                Outcome.OK,
                "",
                ("name", "version"),
                (("<b>Firefox", "140\u202e"),),
                NOW,
            )
        ]
    )
    one = client.get(page, headers=operator).text
    assert "1 réponse sur 2" in one
    assert "&lt;b&gt;Firefox" in one
    assert "\u202e" not in one
    assert client.post(f"{page}/cancel", data={}, headers=operator).status_code == 303
    assert "data-refresh" not in client.get(page, headers=operator).text


def test_a_double_click_asks_once_and_both_answers_lead_to_the_question(
    database: Database, as_: Callers
) -> None:
    app, headers = console_over(database, now=lambda: NOW), as_(Role.OPERATOR, SITE)

    def click(_: int) -> tuple[int, str]:
        answer = TestClient(app, follow_redirects=False).post(ASK, data=FORM, headers=headers)
        return answer.status_code, answer.headers["location"]

    with ThreadPoolExecutor(4) as clicks:
        answers = list(clicks.map(click, range(4)))

    (question,) = asked(database)
    to = f"/console/questions/of/{question.question.id}?done=asked"
    assert answers == [(303, to)] * 4


@pytest.mark.parametrize(
    ("whom", "devices"),
    [
        ({"whom": "device", "of": "b"}, 1),
        ({"whom": "group", "of": "accueil", "group_site": SITE}, 1),
    ],
)
def test_one_device_or_a_group_is_asked(
    client: TestClient, as_: Callers, database: Database, whom: dict[str, str], devices: int
) -> None:
    answer = client.post(ASK, data=FORM | whom, headers=as_(Role.OPERATOR, SITE))

    assert answer.status_code == 303, answer.text
    (found,) = asked(database)
    assert found.progress.devices == devices


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"p-name": ""}, "p-name"),
        ({"p-name": "x' OR 1=1"}, "p-name"),
        ({"purpose": ""}, "purpose"),
        ({"of": ""}, "of"),
        ({"of": OTHER}, "of"),
        ({"whom": "device", "of": "c"}, "of"),
        ({"whom": "group", "of": "accueil"}, "of"),
    ],
)
def test_what_is_refused_is_said_beside_its_field_and_nothing_is_asked(
    client: TestClient, as_: Callers, database: Database, wrong: dict[str, Any], field: str
) -> None:
    answer = client.post(ASK, data=FORM | wrong, headers=as_(Role.OPERATOR, SITE))

    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text
    assert asked(database) == []


def test_auditors_see_what_was_asked_and_no_answer_and_contractors_nothing(
    client: TestClient, as_: Callers, database: Database
) -> None:
    sent = client.post(ASK, data=FORM, headers=as_(Role.OPERATOR))
    page = sent.headers["location"].partition("?")[0]

    client.get(page, headers=as_(Role.OPERATOR, SITE))
    trail = Acts(database).acts(ActsWanted(subject=SITE), after=None, limit=50).items
    looks = [act.action for act in trail if act.action.startswith("GET ")]
    assert looks == [f"GET {page}: 200, 1 request, 2 rows"]
    seen = client.get(page, headers=as_(Role.AUDITOR)).text
    assert len(Acts(database).acts(ActsWanted(subject=SITE), after=None, limit=50).items) == len(
        trail
    )
    assert "faille annoncée" in seen
    assert "ACC-1" not in seen
    for role in (Role.AUDITOR, Role.CONTRACTOR):
        assert client.post(ASK, data=FORM, headers=as_(role, SITE)).status_code == 403
    for path in (page, "/console/questions"):
        assert client.get(path, headers=as_(Role.CONTRACTOR, SITE)).status_code == 403
    assert client.get(page, headers=as_(Role.OPERATOR, OTHER)).status_code == 404
    unknown = client.get(f"{ASK}?question=anything", headers=as_(Role.OPERATOR))
    assert unknown.status_code == 404
