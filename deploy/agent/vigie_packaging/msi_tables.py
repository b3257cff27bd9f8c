"""What wixl has no words for, or passes over, as statements on the tables of an installer."""

from collections.abc import Iterator, Mapping
from typing import Final

from vigie_packaging.release import Release

UPGRADE_CODE: Final = "D2D34F4B-0F0E-4A34-9A1F-6A5B8E6FF0C7"
"""What all releases have in common, so that a newer one finds the older. Never to be changed."""
SECURE: Final = ("ENROLMENT_TOKEN", "ENROLMENT_TOKEN_FILE", "KEEP_DATA", "SERVER")
"""Properties that whoever installs may set, and that reach the part that runs as SYSTEM."""

_BEFORE_ALL: Final = 25
_RIGHT_AFTER_THE_BEGINNING: Final = 1501
"""When other releases are looked for, and older ones removed: a failure brings those back."""
_ONLY_DETECT, _MINIMUM_TOO, _MAXIMUM_TOO = 0x2, 0x100, 0x200
_AS_SYSTEM_UNSEEN: Final = 18 | 0x400 | 0x800 | 0x2000
"""A program that was installed, deferred, as SYSTEM, its command line kept out of logs."""


def statements(release: Release, help_link: str) -> Iterator[str]:
    """In the SQL of Windows Installer, for msibuild."""
    numbers = ".".join(map(str, release.numbers))
    version = ".".join(map(str, release.numbers[:3]))
    # The same version may replace itself: a release candidate and its release have one.
    both = _MINIMUM_TOO | _MAXIMUM_TOO
    yield _upgrade("OLDER_FOUND", least="0.0.0", most=version, attributes=both)
    yield _upgrade("NEWER_FOUND", least=version, most="", attributes=_ONLY_DETECT)
    for table in ("InstallUISequence", "InstallExecuteSequence"):
        yield _inserted(table, Action="FindRelatedProducts", Sequence=_BEFORE_ALL)
    yield _inserted(
        "InstallExecuteSequence",
        Action="RemoveExistingProducts",
        Sequence=_RIGHT_AFTER_THE_BEGINNING,
    )
    secure = ";".join(("NEWER_FOUND", "OLDER_FOUND", *SECURE))
    yield _inserted("Property", Property="SecureCustomProperties", Value=secure)
    if help_link:
        yield _inserted("Property", Property="ARPHELPLINK", Value=help_link)
    yield _updated("CustomAction", "`Action` = 'LeaveToken'", Type=_AS_SYSTEM_UNSEEN)
    # Without its version an upgrade would take the program of the older release for newer.
    program = "`File` = 'vigie_agent.exe'"
    yield _updated("File", program, Version=numbers, Language="1033")
    yield "DELETE FROM `MsiFileHash` WHERE `File_` = 'vigie_agent.exe'"
    # A folder that is known by one of its libraries would stay out of an upgrade that brings an
    # older one.
    yield _updated("Component", "`Component` <> 'Program'", KeyPath="")


def help_link(environment: Mapping[str, str]) -> str:
    """The page of who publishes this build, where VIGIE_HELP_LINK names one.

    Raises ValueError.
    """
    link = environment.get("VIGIE_HELP_LINK", "")
    if link and (not link.startswith("https://") or "'" in link):
        raise ValueError("VIGIE_HELP_LINK: write an address that starts with https://")
    return link


def _upgrade(found: str, *, least: str, most: str, attributes: int) -> str:
    return _inserted(
        "Upgrade",
        UpgradeCode=f"{{{UPGRADE_CODE}}}",
        VersionMin=least,
        VersionMax=most,
        Attributes=attributes,
        ActionProperty=found,
    )


def _inserted(table: str, **row: str | int) -> str:
    columns = ", ".join(f"`{column}`" for column in row)
    values = ", ".join(map(_written, row.values()))
    return f"INSERT INTO `{table}` ({columns}) VALUES ({values})"  # noqa: S608 (ours alone)


def _updated(table: str, where: str, **changed: str | int) -> str:
    told = ", ".join(f"`{column}` = {_written(value)}" for column, value in changed.items())
    return f"UPDATE `{table}` SET {told} WHERE {where}"  # noqa: S608 (ours alone)


def _written(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"
