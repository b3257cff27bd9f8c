"""The enrolment token's text: published vectors, there and back, and what people do to it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vigie.v1.enrolment_token
from vigie.v1.enrolment_token import EnrolmentToken, decode, encode, is_endpoint

VECTORS = json.loads(
    Path(vigie.v1.enrolment_token.__file__).with_name("enrolment_token_vectors.json").read_text()
)
TOKEN = EnrolmentToken(("vigie.example.org:8443", "[2001:db8::7]:443"), b"c" * 32, b"s" * 16)
TEXT = encode(TOKEN)

endpoints = st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,60}:[1-9][0-9]{0,3}\Z")
tokens = st.builds(
    EnrolmentToken,
    endpoints=st.lists(endpoints, min_size=1, max_size=8).map(tuple),
    ca_sha256=st.binary(min_size=32, max_size=32),
    secret=st.binary(min_size=16, max_size=16),
)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_published_vectors_hold(vector: dict[str, str]) -> None:
    token = EnrolmentToken(
        endpoints=tuple(vector["endpoints"]),
        ca_sha256=bytes.fromhex(vector["ca_sha256"]),
        secret=bytes.fromhex(vector["secret"]),
    )

    assert encode(token) == vector["text"]
    assert decode(vector["text"]) == token


@given(tokens)
def test_a_token_survives_its_text(token: EnrolmentToken) -> None:
    assert decode(encode(token)) == token


def test_spaces_and_line_breaks_of_a_mail_are_forgiven() -> None:
    wrapped = f"\r\n  {TEXT[:40]}\n{TEXT[40:90]}\r\n\t{TEXT[90:]} \n"

    assert decode(wrapped) == TOKEN


@pytest.mark.parametrize("kept", range(1, len(TEXT)))
def test_a_token_that_was_cut_is_called_cut(kept: int) -> None:
    with pytest.raises(ValueError, match="was cut short"):
        decode(TEXT[:kept])


@given(
    position=st.integers(len("vigie1."), len(TEXT) - 1),
    typed=st.sampled_from("ABCXYZabcxyz0189-_"),
)
def test_one_wrong_character_never_passes(position: int, typed: str) -> None:
    mistyped = TEXT[:position] + typed + TEXT[position + 1 :]

    if mistyped == TEXT:
        assert decode(mistyped) == TOKEN
    else:
        with pytest.raises(ValueError, match=r"mistyped|cut short"):
            decode(mistyped)


@given(st.integers(len("vigie1."), len(TEXT) - 2))
def test_two_swapped_characters_never_pass(position: int) -> None:
    swapped = TEXT[:position] + TEXT[position + 1] + TEXT[position] + TEXT[position + 2 :]

    if swapped == TEXT:
        assert decode(swapped) == TOKEN
    else:
        with pytest.raises(ValueError, match=r"mistyped|cut short"):
            decode(swapped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("hello", "not an enrolment token"),
        ("https://vigie.example.org", "not an enrolment token"),
        (TEXT.upper(), "not an enrolment token"),
        ("vigie2." + TEXT[7:], "another version"),
        (TEXT + "é", "mistyped"),
        (TEXT + "=", "mistyped"),
        (TEXT + "AAAA", "mistyped"),
        (TEXT + TEXT, "mistyped"),
        ("vigie1." + "A" * 5000, "mistyped"),
    ],
)
def test_what_is_no_token_is_told_what_it_is(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode(text)


@given(st.text())
def test_any_text_is_a_token_or_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="enrolment token"):
        decode(text)


def test_the_secret_stays_out_of_messages() -> None:
    assert "ssss" not in repr(TOKEN)
    with pytest.raises(ValueError, match="mistyped") as raised:
        decode(TEXT[:-1] + ("A" if TEXT[-1] != "A" else "B"))
    assert TEXT[7:30] not in str(raised.value)


@pytest.mark.parametrize(
    "endpoint", ["vigie:1", "10.0.0.1:443", "[::1]:65535", "a-b.c_d.example:8443"]
)
def test_host_and_port_are_an_endpoint(endpoint: str) -> None:
    assert is_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["", "vigie", "vigie:0", "vigie:65536", ":443", "https://v:443", "::1:443", "é:443", "a b:1"],
)
def test_anything_else_is_no_endpoint(endpoint: str) -> None:
    assert not is_endpoint(endpoint)
    with pytest.raises(ValueError, match="not an endpoint"):
        EnrolmentToken((endpoint,), b"c" * 32, b"s" * 16)


@pytest.mark.parametrize(
    ("endpoints", "ca_sha256", "secret"),
    [
        ((), b"c" * 32, b"s" * 16),
        (("v:1",) * 9, b"c" * 32, b"s" * 16),
        (("v:1",), b"c" * 31, b"s" * 16),
        (("v:1",), b"c" * 32, b"s" * 15),
    ],
)
def test_no_token_is_made_of_wrong_parts(
    endpoints: tuple[str, ...], ca_sha256: bytes, secret: bytes
) -> None:
    with pytest.raises(ValueError, match="a token"):
        EnrolmentToken(endpoints, ca_sha256, secret)
