"""The packs and topics that the agent is shipped with: inside the wheel, else beside a checkout."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from vigie_agent.domain.errors import PackMalformed, TopicMalformed
from vigie_agent.domain.packs import Pack
from vigie_agent.domain.packs import read_packs as packs_in
from vigie_agent.domain.told_questions import ToldQuestion
from vigie_agent.domain.topics import Topic, read_topic

_PACKAGE: Final = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Where `packs` or `topics` are shipped."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parents[1] / "queries" / name


def update_root() -> bytes | None:
    """The root of trust of the update channel that this agent came with; None without one."""
    path = _PACKAGE / "update-root.json"
    return path.read_bytes() if path.is_file() else None


def is_package_managed() -> bool:
    """Whether a package manager put this agent here, and brings the next one."""
    return (Path(sys.executable).parent / "share" / "package-managed").exists()


def read_packs(folder: Path) -> tuple[Pack, ...]:
    """Every pack in `folder` (*.json, *.conf), by name of the file. Raises PackMalformed."""
    return tuple(
        pack
        for path in _files(folder, "json", "conf")
        for pack in packs_in(_text(path), name=path.stem)
    )


def packs_beside(shipped: Iterable[Pack], folder: Path) -> tuple[Pack, ...]:
    """The shipped packs and the own ones in `folder`, which replace none. Raises PackMalformed."""
    by_name = {pack.name: pack for pack in shipped}
    for pack in read_packs(folder):
        if pack.name in by_name:
            raise PackMalformed(f"pack {pack.name} comes with the agent: give yours another name")
        by_name[pack.name] = pack
    return tuple(by_name.values())


def read_topics(folder: Path) -> Mapping[str, Topic]:
    """Every topic declared in `folder` (*.yaml), by name. Raises TopicMalformed."""
    topics = (_topic(path) for path in _files(folder, "yaml"))
    return {topic.name: topic for topic in topics}


def read_questions(folder: Path) -> tuple[ToldQuestion, ...]:
    """What servers may ask directly, as the register tells it. Raises TopicMalformed."""
    return tuple(
        ToldQuestion(document["title"], document.get("personal", {}))
        for document in map(_document, _files(folder, "yaml"))
    )


def _files(folder: Path, *kinds: str) -> Iterable[Path]:
    return sorted(path for kind in kinds for path in folder.glob(f"*.{kind}"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackMalformed(f"pack {path.stem}: {path} cannot be read: {error}") from None


def _topic(path: Path) -> Topic:
    return read_topic(_document(path), source=path.name)


def _document(path: Path) -> Any:
    import yaml  # noqa: PLC0415 (commands that need no topic start without it)

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (safe)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TopicMalformed(f"{path.name}: {error}") from None
