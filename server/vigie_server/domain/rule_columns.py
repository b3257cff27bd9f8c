"""Which columns of a topic a rule can follow, proved from the text of its expressions.

A row is a map. An expression reads a cell by selecting its name (`r.enabled`); every other way to
learn what a row holds needs one of the forms below, and a rule that has any of them is taken to
follow every column. So what this module gives may be too much and never too little:

- an index that is not a whole number or `size(x) - n`, which could be a column's name;
- a map written down, which could be compared with a row, and `format`, which can print one;
- what the text alone does not settle: escaped quotes, long texts, comments, quoted and optional
  fields.

Two rows are never equal, as each holds its number; and the keys of a row are the catalogue's.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from vigie_server.domain.rule_names import TEXT_LITERAL
from vigie_server.domain.topics import COMMON_COLUMNS, Topic

_UNSETTLED: Final = re.compile(r"\\['\"]|'''|\"\"\"|//")
_ANY_CELL: Final = re.compile(r"\{|`|\.\s*\?|\[\s*\?|\.\s*format\b")
_INDEX: Final = re.compile(r"(\w+|[)\]'])\s*\[(?!\s*(?:\d+|size\(\w+\)\s*-\s*\d+)\s*\])")
_SELECTED: Final = re.compile(r"\.\s*(\w+)")


def columns_followed(
    expressions: Sequence[str], declared: Collection[str], topic: Topic
) -> tuple[str, ...] | None:
    """The columns of the topic that the rule's verdict can follow, sorted; None for all.

    `declared` are those of its `reads`. What tells rows apart is among them, because verdicts show
    it, and what every topic has. Without `declared` rows are counted, and neither seen nor shown.
    """
    if not declared:
        return tuple(sorted(COMMON_COLUMNS))
    selected: set[str] = set()
    for text in expressions:
        if _UNSETTLED.search(text):
            return None
        bare = TEXT_LITERAL.sub("''", text)
        if _ANY_CELL.search(bare) or any(of != "in" for of in _INDEX.findall(bare)):
            return None
        selected.update(_SELECTED.findall(bare))
    return tuple(
        sorted({*declared, *topic.keys, *COMMON_COLUMNS} | (selected & topic.columns.keys()))
    )
