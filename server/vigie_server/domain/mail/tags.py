"""Tag lists: `v=DKIM1; k=rsa; p=...`, as DKIM and DMARC write them (RFC 6376, section 3.2)."""

import re
from collections.abc import Mapping
from typing import Final

MAX_CHARACTERS: Final = 16_384
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TagsMalformed(ValueError):
    """The text is not a tag list; the text of this is what is wrong in it."""


def read_tags(record: str) -> Mapping[str, str]:
    """Values by tag, in order. Raises TagsMalformed: a tag without value, or there twice."""
    if len(record) > MAX_CHARACTERS:
        raise TagsMalformed(record[:40])
    tags: dict[str, str] = {}
    for part in record.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or _NAME.fullmatch(name) is None or name in tags:
            raise TagsMalformed(part.strip()[:80])
        tags[name] = value.strip()
    return tags
