from datetime import timedelta

import pytest

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.engines.embedded import EmbeddedEngine


def value(expression: str) -> str:
    engine = EmbeddedEngine([])
    answer = engine.query(f"SELECT {expression} AS value", timeout=timedelta(seconds=20))
    engine.close()
    assert isinstance(answer, Rows), answer
    return answer.rows[0]["value"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("sha1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("sha256('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("sha256(1)", "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"),
        ("sha256(NULL) IS NULL", "1"),
        ("split('some, words;here', ',;', 1)", "words"),
        ("split('a//b', '/', 1)", "b"),
        ("split('a', ',', 3) IS NULL", "1"),
        ("to_base64('vigie')", "dmlnaWU="),
        ("from_base64('dmlnaWU=')", "vigie"),
        ("from_base64('not base64!')", ""),
        ("conditional_to_base64('plain')", "plain"),
        ("conditional_to_base64('é')", "w6k="),
        ("inet_aton('1.2.3.4')", "16909060"),
        ("inet_aton('nowhere') IS NULL", "1"),
        ("in_cidr_block('10.0.0.0/8', '10.1.2.3')", "1"),
        ("in_cidr_block('fd00::/8', '10.1.2.3')", "0"),
        ("concat('a', NULL, 1)", "a1"),
        ("concat_ws('-', 'a', NULL, 'b')", "a-b"),
        ("ceil(1.2)", "2"),
        ("floor(-1.2)", "-2"),
        ("log(exp(1))", "1.0"),
        ("log(-1) IS NULL", "1"),
        ("power(2, 10)", "1024.0"),
        ("square(3)", "9.0"),
        ("json_extract('{\"a\":[1,2]}', '$.a[1]')", "2"),
    ],
)
def test_a_function_gives_what_osquerys_gives(expression: str, expected: str) -> None:
    assert value(expression) == expected


def test_a_function_that_could_hang_the_agent_is_not_there() -> None:
    engine = EmbeddedEngine([])

    answer = engine.query("SELECT regex_match('a', 'a', 0)", timeout=timedelta(seconds=20))

    assert isinstance(answer, QueryError)
    assert answer.detail == "no such function: regex_match"
    engine.close()
