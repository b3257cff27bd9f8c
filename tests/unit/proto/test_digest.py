"""The digest of a snapshot: the published vectors, and the laws of the canonical form."""

import json
from hashlib import blake2b
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vigie.v1.digest
from vigie.v1.digest import canonical_rows, snapshot_digest

VECTORS = json.loads(Path(vigie.v1.digest.__file__).with_name("digest_vectors.json").read_text())
CELLS = st.text(max_size=6)


def digest_of(columns: list[str], rows: list[list[str]], *, message: str = "") -> bytes:
    ordered, sorted_rows = canonical_rows(columns, rows)
    return snapshot_digest(
        topic="t",
        topic_version=1,
        status=1,
        message=message,
        columns=ordered,
        values=[value for row in sorted_rows for value in row],
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_published_vectors_hold(vector: dict[str, object]) -> None:
    columns, rows = canonical_rows(vector["columns"], vector["rows"])  # type: ignore[arg-type]

    digest = snapshot_digest(
        topic=str(vector["topic"]),
        topic_version=int(str(vector["topic_version"])),
        status=int(str(vector["status"])),
        message=str(vector["message"]),
        columns=columns,
        values=[value for row in rows for value in row],
    )

    assert digest.hex() == vector["digest"]


def test_the_form_is_the_one_that_the_protocol_describes() -> None:
    fields = ["t", "1", "1", "", "1", "name", "é"]
    text = "vigie.snapshot.v1\n1,1,1,0,1,4,1\n" + "".join(fields)

    digest = digest_of(["name"], [["é"]])

    assert digest == blake2b(text.encode(), digest_size=16).digest()


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5), seed=st.integers(0, 1000)
)
def test_the_order_of_rows_and_columns_does_not_matter(rows: list[list[str]], seed: int) -> None:
    shuffled = [row[::-1] for row in rows]
    Random(seed).shuffle(shuffled)

    assert digest_of(["b", "a"], shuffled) == digest_of(["a", "b"], rows)


@given(one=st.lists(CELLS, max_size=6), other=st.lists(CELLS, max_size=6))
def test_different_rows_have_different_digests(one: list[str], other: list[str]) -> None:
    same = digest_of(["a"], [[cell] for cell in one]) == digest_of(["a"], [[c] for c in other])

    assert same == (sorted(one) == sorted(other))
