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
    strings = _strings(release).items()
    structs = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in strings)
    return _TEXT.format(numbers=release.numbers, strings=structs)


def _strings(release: Release) -> dict[str, str]:
    return {
        "CompanyName": "Vigie contributors",
        "FileDescription": "Vigie agent",
        "FileVersion": release.version,
        "InternalName": "vigie-agent",
        "LegalCopyright": "Apache-2.0",
        "OriginalFilename": "vigie-agent.exe",
        "ProductName": "Vigie",
        "ProductVersion": release.version,
    }


def write_version_resource(folder: str, release: Release) -> str:
    """Writes it into `folder`; the path of the file."""
    path = Path(folder) / "version-resource.txt"
    path.write_text(version_resource(release), encoding="utf-8")
    return str(path)


def write_resource_script(folder: str, release: Release) -> str:
    """Writes the same for a resource compiler, of the stand-in, into `folder`; its path."""
    numbers = ",".join(map(str, release.numbers))
    values = "".join(
        f'      VALUE "{name}", "{text}\\0"\n'
        for name, text in (_strings(release) | {"FileDescription": "Vigie agent: stand-in"}).items()
    )
    path = Path(folder) / "version.rc"
    path.write_text(
        f"1 VERSIONINFO FILEVERSION {numbers} PRODUCTVERSION {numbers}\n"
        "FILEOS 0x40004 FILETYPE 0x1\n"
        'BEGIN\n  BLOCK "StringFileInfo"\n  BEGIN\n    BLOCK "040904B0"\n    BEGIN\n'
        f"{values}    END\n  END\n"
        '  BLOCK "VarFileInfo"\n  BEGIN\n    VALUE "Translation", 0x409, 1200\n  END\nEND\n',
        encoding="utf-8",
    )
    return str(path)
