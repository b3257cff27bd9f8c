"""What Windows shows of the program: its version resource, as PyInstaller reads it."""

from pathlib import Path
from typing import Final

from vigie_packaging.release import Release

_TEXT: Final = """VSVersionInfo(
  ffi=FixedFileInfo(
    filevers={numbers}, prodvers={numbers}, mask=0x3f, flags=0x0, OS=0x40004, fileType=0x1,
    subtype=0x0, date=(0, 0)
  ),
  kids=[
    StringFileInfo([StringTable('040904B0', [{strings}])]),
    VarFileInfo([VarStruct('Translation', [1033, 1200])])
  ]
)
"""


def version_resource(release: Release) -> str:
    """The text of a version file (VS_VERSIONINFO, in the form that PyInstaller evaluates)."""
    strings = {
        "CompanyName": "Vigie contributors",
        "FileDescription": "Vigie agent",
        "FileVersion": release.version,
        "InternalName": "vigie-agent",
        "LegalCopyright": "Apache-2.0",
        "OriginalFilename": "vigie-agent.exe",
        "ProductName": "Vigie",
        "ProductVersion": release.version,
    }
    structs = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in strings.items())
    return _TEXT.format(numbers=release.numbers, strings=structs)


def write_version_resource(folder: str, release: Release) -> str:
    """Writes it into `folder`; the path of the file."""
    path = Path(folder) / "version-resource.txt"
    path.write_text(version_resource(release), encoding="utf-8")
    return str(path)
