"""What the API answers is what its description says, whatever it is asked.

Schemathesis reads the description and asks each operation for what fits it and for what does not,
as callers of every role. The questions are the same each time: what fails, fails again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests import Request
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fakes.callers import Callers
from fakes.stored import NOW, SITE, a_device, a_token, opened_store
from fakes.whole_app import whole_app
from vigie_server.ports.tokens import Role

Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES: Final = 8
"""Requests of each operation that fit its description, and as many that do not."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SENT: Final = ("method", "url", "params", "headers", "json", "data", "files")
"""What a request is made of; cookies count for nothing beside a token."""
KNOWN: Final = {
    "device_id": "a",
    "site": SITE,
    "name": SITE,
    "rule": "Q06-firewall-enabled",
    "item": "Q02-restore-test",
    "scope": "device",
    "of": "a",
    "domain": "example.org",
    "inventory": "equipment",
    "what": "equipment",
}
"""Places of paths that lead somewhere: what is drawn at random is never found."""


@dataclass(frozen=True)
class Described:
    """The application by its description, a client of it, and the headers of each role."""

    schema: BaseSchema
    client: TestClient
    callers: list[dict[str, str]]

    def operations(self) -> Iterator[Operation]:
        for found in self.schema.get_all_operations():
            assert isinstance(found, Ok), found  # else the description itself is wrong
            yield found.ok()


@pytest.fixture(scope="module")
def described() -> Iterator[Described]:
    with TemporaryDirectory() as folder, opened_store("sqlite", Path(folder)) as database:
        a_token(database)
        a_device(database, "a")
        app = whole_app(database, lambda: NOW)
        callers = Callers(database, NOW)
        yield Described(
            schemathesis.openapi.from_dict(app.openapi()),
            TestClient(app, raise_server_exceptions=False),
            [callers(role) for role in Role],
        )


def asked(described: Described, operation: Operation, mode: GenerationMode) -> Iterator[str]:
    """What is wrong with the answers; also counts that there were some."""
    wrong: list[str] = []
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(mode),
        caller=st.sampled_from(described.callers),
        known=st.booleans(),
    )
    def ask(case: Case[Any], caller: dict[str, str], known: bool) -> None:
        if known:
            case.path_parameters.update(
                {name: KNOWN[name] for name in case.path_parameters if name in KNOWN}
            )
        given = case.as_transport_kwargs(base_url="http://testserver")
        sent = Request(**{name: given.get(name) for name in SENT}).prepare()
        assert sent.body is None or isinstance(sent.body, bytes | str)
        answer = described.client.request(
            sent.method or "",
            sent.url or "",
            headers={**{name: as_text(value) for name, value in sent.headers.items()}, **caller},
            content=sent.body,
        )
        statuses.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as failures:
            told = "; ".join(" ".join(str(one).split()) for one in failures.exceptions)
            wrong.append(f"{operation.label}: {answer.status_code}: {told} {answer.text[:300]}")

    ask()
    assert statuses
    yield from wrong


def as_text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.mark.timeout(180)  # hundreds of requests, on a busy machine
def test_every_operation_answers_as_described(described: Described) -> None:
    wrong = [
        told
        for operation in described.operations()
        for told in asked(described, operation, GenerationMode.POSITIVE)
    ]

    assert wrong == []


@pytest.mark.timeout(180)  # hundreds of requests, on a busy machine
def test_every_operation_refuses_as_described(described: Described) -> None:
    wrong = [
        told
        for operation in described.operations()
        if list(operation.iter_parameters()) or operation.body  # else there is nothing to get wrong
        for told in asked(described, operation, GenerationMode.NEGATIVE)
    ]

    assert wrong == []


def test_a_body_in_another_encoding_is_told_so(described: Described) -> None:
    answer = described.client.put(
        f"/api/v1/sites/{SITE}",
        headers={**described.callers[0], "Content-Type": "application/json"},
        content='{"body": "Fédération"}'.encode("latin-1"),
    )

    assert answer.status_code == 400
    assert answer.json()["detail"] == "the body is not UTF-8: send JSON in UTF-8"
