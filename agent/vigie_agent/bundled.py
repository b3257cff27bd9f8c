"""The packs and topics that the agent is shipped with: inside the wheel, else beside a checkout."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from vigie_agent.domain.errors import PackMalformed, TopicMalformed
from vigie_agent.domain.packs import Pack
from vigie_agent.domain.packs import read_packs as packs_in
from vigie_agent.domain.topics import Topic, read_topic

_PACKAGE: Final = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Where `packs` or `topics` are shipped."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parents[1] / "queries" / name


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


def _files(folder: Path, *kinds: str) -> Iterable[Path]:
    return sorted(path for kind in kinds for path in folder.glob(f"*.{kind}"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackMalformed(f"pack {path.stem}: {path} cannot be read: {error}") from None


def _topic(path: Path) -> Topic:
    import yaml  # noqa: PLC0415 (commands that need no topic start without it)

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (safe)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TopicMalformed(f"{path.name}: {error}") from None
    return read_topic(document, source=path.name)
