"""Reads the enrolment token that somebody pasted, typed or put into an installer."""

from vigie.v1.enrolment_token import EnrolmentToken, decode
from vigie_agent.domain.errors import TokenMalformed


def read_token(text: str) -> EnrolmentToken:
    """The token in `text`. Raises TokenMalformed with a sentence that says what is wrong."""
    try:
        return decode(text)
    except ValueError as error:
        raise TokenMalformed(str(error)) from None
