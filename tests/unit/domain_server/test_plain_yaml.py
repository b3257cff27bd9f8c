"""What is shipped is YAML for every reader: the quick one, in C, takes more than YAML allows."""

from pathlib import Path

import pytest
import yaml

QUERIES = Path(__file__).parents[3] / "queries"
FILES = sorted(QUERIES.rglob("*.yaml"))


@pytest.mark.parametrize(
    "path", FILES, ids=[path.relative_to(QUERIES).as_posix() for path in FILES]
)
def test_a_file_is_read_without_the_library_of_c(path: Path) -> None:
    assert isinstance(yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader), yaml.Node)
