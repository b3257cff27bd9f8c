"""What Samba's smb.conf offers, as Samba itself reads it."""

import pytest

from vigie_agent.tables.samba_config import Share, read_samba, speaks_smb1

DEBIAN = """
# Sample configuration file
[global]
   workgroup = WORKGROUP
;  interfaces = 127.0.0.0/8 eth0
   map to guest = bad user
[homes]
   comment = Home Directories
   browseable = no
[printers]
   path = /var/tmp
   printable = yes
[print$]
   path = /var/lib/samba/printers
"""


def test_the_shares_of_printers_are_none() -> None:
    config = read_samba(DEBIAN)

    assert config.shares == (Share("homes", guests=False),)
    assert config.workgroup == "WORKGROUP"


@pytest.mark.parametrize(
    ("lines", "shares"),
    [
        ("[Animation]\npath = /srv\nguest ok = yes", [("Animation", True)]),
        ("[Animation]\npath = /srv\nPublic = Yes", [("Animation", True)]),
        ("[Animation]\npath = /srv\nGuest  OK=no", [("Animation", False)]),
        ("[global]\nguest ok = yes\n[a]\npath = /a\n[b]\npath = /b\nguest ok = no",
         [("a", True), ("b", False)]),
        ("[old]\npath = /old\navailable = no", []),
        ("[laser]\npath = /tmp\nprint ok = yes", []),
        ("[global]\nsecurity = ads", []),
        ("no section = here", []),
        ("[never closed\npath = /x", []),
        ("", []),
    ],
)  # fmt: skip
def test_shares_and_their_guests(lines: str, shares: list[tuple[str, bool]]) -> None:
    assert [(share.name, share.guests) for share in read_samba(lines).shares] == shares


@pytest.mark.parametrize(
    "line", ["include = /etc/samba/more.conf", "config backend = registry", "registry shares = yes"]
)
def test_what_is_said_in_another_place_is_told(line: str) -> None:
    assert read_samba(f"[global]\n{line}\n").elsewhere == (line,)


@pytest.mark.parametrize(
    ("lines", "printed", "speaks"),
    [
        ("server min protocol = NT1", "Version 4.17.12-Debian", True),
        ("min protocol = LANMAN1", "", True),
        ("server min protocol = SMB2_10", "Version 4.9.5-Debian", False),
        ("", "Version 4.9.5-Debian", True),
        ("", "Version 4.10.16", True),
        ("", "Version 4.11.0", False),
        ("", "Version 4.17.12-Debian", False),
        ("", "Version 5.0.1", False),
        ("", "", None),
        ("", "smbd: not found", None),
        ("", f"Version 4.{'9' * 5000}", False),
        ("", f"{'9' * 5000}.1", None),
    ],
)
def test_smb1_is_spoken_by_the_file_or_by_the_release(
    lines: str, printed: str, speaks: bool | None
) -> None:
    assert speaks_smb1(read_samba(f"[global]\n{lines}\n"), printed) is speaks
