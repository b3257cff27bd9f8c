"""No file of a Linux machine, however damaged, makes a reader of the system's topics raise."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.display_managers import DISPLAY_MANAGERS, Said
from vigie_agent.tables.enrolment import read_sssd
from vigie_agent.tables.samba_config import read_samba, speaks_smb1
from vigie_agent.tables.unit_files import program_of, read_unit
from vigie_agent.tables.vigie_automatic_login import console_account
from vigie_agent.tables.vigie_secure_boot import read_switch

WORDS: Final = st.sampled_from(
    [
        "[global]", "[Service]", "[Unit]", "[Autologin]", "[daemon]", "[Seat:*]", "[sssd]",
        "[domain/", "]", "[", "ExecStart=", "Wants=", "AutomaticLoginEnable=true", "User=",
        "autologin-user=", "domains = a,,b", "enabled = true", "min protocol = ", "guest ok = yes",
        "include = ", "4.", "--autologin", "-a", "'", '"', "\\", "\n", "#", ";", "\0", "é",
        "9" * 5000,
    ]
)  # fmt: skip
TEXTS: Final = st.lists(WORDS | st.text(max_size=6), max_size=20).map("".join)


@given(TEXTS)
def test_no_text_makes_a_reader_raise(text: str) -> None:
    lines = config_lines(text, Grammar.INI)

    unit = read_unit("x.service", [text, text])
    speaks_smb1(read_samba(text), text)
    read_sssd(lines)
    for manager in DISPLAY_MANAGERS:
        list(manager.openings([Said("/etc/x", line) for line in lines]))

    assert unit.name == "x.service"
    assert program_of(unit.command) == unit.program
    assert isinstance(console_account(text), str)


@given(st.binary(max_size=8))
def test_a_variable_of_the_firmware_says_yes_no_or_nothing(variable: bytes) -> None:
    assert read_switch(variable) in {True, False, None}
