"""What systems are told of the built agent: one version, in the form that each of them reads."""

import json
import plistlib
from pathlib import Path
from typing import Any

import pytest

from vigie_packaging.bundle import keep_texts
from vigie_packaging.components import Component
from vigie_packaging.macos import info_plist, write_entitlements
from vigie_packaging.release import Release, release
from vigie_packaging.sbom import bill_of_materials
from vigie_packaging.windows import version_resource

RELEASE = Release("1.4.2", 1_700_000_000)


def evaluated(text: str) -> dict[str, Any]:
    """A version file as PyInstaller evaluates it: the fixed numbers, and the strings."""
    told: dict[str, Any] = {}
    names = {
        "VSVersionInfo": lambda **parts: parts,
        "FixedFileInfo": lambda **numbers: told.update(numbers),
        "StringFileInfo": list,
        "StringTable": lambda _, strings: told.update(strings),
        "StringStruct": lambda name, text: (name, text),
        "VarFileInfo": list,
        "VarStruct": lambda name, values: (name, values),
    }
    eval(text, names)  # noqa: S307 (this is how it is read)
    return told


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("0.1.0", (0, 1, 0, 0)),
        ("1.4.2", (1, 4, 2, 0)),
        ("2.0.0rc1", (2, 0, 0, 0)),
        ("2.10", (2, 10, 0, 0)),
        ("1.2.3.dev4", (1, 2, 3, 0)),
    ],
)
def test_windows_takes_a_version_as_four_numbers(
    version: str, numbers: tuple[int, int, int, int]
) -> None:
    assert Release(version, 0).numbers == numbers


def test_the_version_file_of_windows_evaluates_to_the_release() -> None:
    told = evaluated(version_resource(RELEASE))

    assert (told["filevers"], told["prodvers"]) == ((1, 4, 2, 0), (1, 4, 2, 0))
    assert (told["FileVersion"], told["ProductVersion"]) == ("1.4.2", "1.4.2")
    assert told["OriginalFilename"] == "vigie-agent.exe"


def test_macos_is_told_the_same_version_and_no_right_but_that_of_closures(tmp_path: Path) -> None:
    told = info_plist(RELEASE)
    rights = plistlib.loads(Path(write_entitlements(str(tmp_path))).read_bytes())

    assert (told["CFBundleVersion"], told["CFBundleShortVersionString"]) == ("1.4.2", "1.4.2")
    assert rights == {"com.apple.security.cs.allow-unsigned-executable-memory": True}


def test_the_moment_of_a_release_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("VIGIE_VERSION", "7.0.1")

    assert release() == Release("7.0.1", 1_700_000_000)


def test_the_bill_of_materials_names_each_part_and_changes_with_the_parts_alone() -> None:
    parts = [
        Component("apsw", "3.54", "pkg:pypi/apsw@3.54", "any-OSI", ()),
        Component("click", "8.5", "pkg:pypi/click@8.5", "BSD-3-Clause", ()),
        Component("zlib1g", "1.2", "pkg:deb/debian/zlib1g@1.2?arch=amd64", "", ()),
    ]

    bill = json.loads(bill_of_materials(RELEASE, parts))

    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert [part.get("licenses") for part in bill["components"]] == [
        [{"license": {"name": "any-OSI"}}],
        [{"expression": "BSD-3-Clause"}],
        None,
    ]
    assert bill["dependencies"][0]["dependsOn"] == [part.purl for part in parts]
    assert bill_of_materials(RELEASE, parts) == bill_of_materials(RELEASE, list(parts))
    assert bill["serialNumber"] not in bill_of_materials(RELEASE, parts[:2])


def test_every_licence_of_a_package_is_kept_though_names_are_alike(tmp_path: Path) -> None:
    texts = [tmp_path / place for place in ("adodbapi/license.txt", "com/License.txt", "NOTICE")]
    for text in texts:
        text.parent.mkdir(exist_ok=True)
        text.write_text(str(text))

    keep_texts(tmp_path / "kept", texts)

    kept = {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()}
    assert kept == {
        "license.txt": str(texts[0]),
        "com-License.txt": str(texts[1]),
        "NOTICE": str(texts[2]),
    }
