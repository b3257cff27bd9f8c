"""What the agent says of a token that it cannot read."""

import pytest

from vigie.v1.enrolment_token import EnrolmentToken, encode
from vigie_agent.domain.errors import TokenMalformed
from vigie_agent.domain.token import read_token

TOKEN = EnrolmentToken(("vigie.example.org:8443",), b"c" * 32, b"s" * 16)


def test_a_good_token_is_read() -> None:
    assert read_token(f" {encode(TOKEN)}\n") == TOKEN


def test_a_bad_token_is_an_error_of_ours_without_the_token_in_it() -> None:
    with pytest.raises(TokenMalformed, match="cut short") as raised:
        read_token(encode(TOKEN)[:-5])

    assert encode(TOKEN)[10:30] not in str(raised.value)
