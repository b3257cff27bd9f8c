import pytest

from vigie_agent.tables.config_text import AptSetting, Grammar, apt_settings, config_lines


def test_a_key_and_its_value_are_split_as_the_grammar_says() -> None:
    read = {
        grammar: [(line.key, line.value) for line in config_lines(text, grammar)]
        for grammar, text in (
            (Grammar.EQUALS, "minlen = 14\nenforce_for_root\n"),
            (Grammar.WORDS, "PASS_MAX_DAYS\t365\n"),
            (Grammar.SHELL, 'DEFAULT_INPUT_POLICY="DROP"\n'),
            (Grammar.APT, 'APT::Periodic::Enable "1";\n'),
        )
    }

    assert read == {
        Grammar.EQUALS: [("minlen", "14"), ("enforce_for_root", "")],
        Grammar.WORDS: [("PASS_MAX_DAYS", "365")],
        Grammar.SHELL: [("DEFAULT_INPUT_POLICY", "DROP")],
        Grammar.APT: [("APT::Periodic::Enable", "1")],
    }


def test_comments_and_empty_lines_have_no_line() -> None:
    text = "# minlen = 8\n\n   \nminlen = 12 # was 8\n#minlen = 20"

    lines = config_lines(text, Grammar.EQUALS)

    assert [(line.n, line.line) for line in lines] == [(4, "minlen = 12")]


def test_sections_stand_with_their_lines_and_continued_lines_are_one() -> None:
    text = "[Time]\nNTP=a \\\n  b\n; comment\n[Other]\nKey=1\n"

    lines = config_lines(text, Grammar.INI)

    assert [(line.n, line.section, line.key, line.value.split()) for line in lines] == [
        (2, "Time", "NTP", ["a", "b"]),
        (6, "Other", "Key", ["1"]),
    ]


def test_a_hash_inside_an_ini_value_is_part_of_it() -> None:
    (line,) = config_lines("[Journal]\nTTYPath=/dev/tty#1\n", Grammar.INI)

    assert line.value == "/dev/tty#1"


def test_apt_blocks_and_paths_name_the_same_setting() -> None:
    text = """
    // a comment with "quotes";
    APT { Periodic { Update-Package-Lists "1"; Unattended-Upgrade "0"; }; };
    APT::Periodic::Unattended-Upgrade "1"; # the last one counts
    /* APT::Periodic::Enable "0"; */
    Unattended-Upgrade::Allowed-Origins { "Debian:stable"; };
    Acquire::Languages:: "fr";
    """

    settings = apt_settings(text)

    assert [(setting.key, setting.value) for setting in settings] == [
        ("APT::Periodic::Update-Package-Lists", "1"),
        ("APT::Periodic::Unattended-Upgrade", "0"),
        ("APT::Periodic::Unattended-Upgrade", "1"),
    ]
    assert settings[2] == AptSetting(4, "APT::Periodic::Unattended-Upgrade", "1")


@pytest.mark.parametrize("damaged", ["APT { Periodic {", '"', "};};", 'A::B "unclosed;\nC "d";'])
def test_damaged_apt_text_is_read_as_far_as_it_goes(damaged: str) -> None:
    settings = apt_settings(damaged + ';\nX::Y "z";')

    assert settings[-1].key.endswith("X::Y")


@pytest.mark.parametrize("grammar", list(Grammar))
def test_no_text_breaks_a_grammar(grammar: Grammar) -> None:
    lines = config_lines("=\n[\n]\n\\\n\x00\n'\n\"\n;\n{", grammar)

    assert all(line.line for line in lines)
