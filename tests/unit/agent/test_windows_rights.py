"""What others own in the agent's folder on Windows is set aside, unread; the rest is closed."""

from dataclasses import dataclass, field
from pathlib import Path, PurePath

import pytest

from vigie_agent.domain.windows_rights import (
    DATA,
    FOR_EVERYONE,
    SECRET,
    TOP,
    Entry,
    to_set_aside,
)
from vigie_agent.windows.closing import Rights, close_folder, leave_token

SYSTEM, ADMINISTRATORS, ANNE = "S-1-5-18", "S-1-5-32-544", "S-1-5-21-1-2-3-1001"


@dataclass
class WrittenRights:
    """Owners as they are written, and what was given to whom; SYSTEM owns what is made."""

    owners: dict[Path, str] = field(default_factory=dict)
    given: dict[Path, str] = field(default_factory=dict)
    contents: dict[Path, bytes] = field(default_factory=dict)

    def owner(self, path: Path) -> str:
        return self.owners.get(path, SYSTEM)

    def give(self, path: Path, sddl: str) -> None:
        self.given[path] = sddl
        if path.is_file():
            self.contents[path] = path.read_bytes()

    def told(self, path: Path) -> str:
        return self.given.get(path, "O:BAG:SYD:AI(A;OICIID;FA;;;BU)").removeprefix("O:BAG:SY")

    def rights(self) -> Rights:
        return Rights(self.owner, self.give, self.told)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path / "Vigie"


@pytest.fixture
def windows() -> WrittenRights:
    return WrittenRights()


def closed(top: Path, windows: WrittenRights) -> tuple[Path, ...]:
    return close_folder(top, top / "agent", windows.rights())


@pytest.mark.parametrize("sddl", [TOP, DATA, SECRET, FOR_EVERYONE])
def test_rights_are_inherited_from_nowhere_and_nobody_else_has_any(sddl: str) -> None:
    assert sddl.startswith("D:PAI(" if sddl == FOR_EVERYONE else "O:BAG:SYD:PAI(")
    assert ";WD)" not in sddl  # everyone
    assert ";AU)" not in sddl  # whoever is logged on


@pytest.mark.parametrize("sddl", [DATA, SECRET])
def test_users_may_read_neither_data_nor_token(sddl: str) -> None:
    assert "BU)" not in sddl


def test_users_may_read_the_settings_and_what_explain_shows_and_change_nothing() -> None:
    assert "(A;OICI;0x1200a9;;;BU)" in TOP  # read and execute
    assert "(A;;FR;;;BU)" in FOR_EVERYONE


def test_of_a_folder_that_is_not_trusted_nothing_below_is_looked_at() -> None:
    entries = [
        Entry(PurePath(), SYSTEM),
        Entry(PurePath("agent.toml"), ANNE),
        Entry(PurePath("agent"), ANNE),
        Entry(PurePath("agent/identity"), ANNE),
        Entry(PurePath("other"), ADMINISTRATORS),
        Entry(PurePath("other/link"), SYSTEM, leads_elsewhere=True),
    ]

    assert to_set_aside(entries) == (
        PurePath("agent"),
        PurePath("agent.toml"),
        PurePath("other/link"),
    )


def test_a_backups_marker_is_its_makers(top: Path, windows: WrittenRights) -> None:
    top.mkdir()
    (top / "last-backup").touch()
    windows.owners[top / "last-backup"] = ANNE

    assert closed(top, windows) == ()
    assert (top / "last-backup").exists()


def test_a_folder_is_made_where_there_is_none_and_closed(top: Path, windows: WrittenRights) -> None:
    assert closed(top, windows) == ()

    assert windows.given == {top: TOP, top / "agent": DATA}
    assert (top / "agent").is_dir()


def test_closing_again_keeps_everything(top: Path, windows: WrittenRights) -> None:
    closed(top, windows)
    (top / "agent" / "spool.db").write_bytes(b"reports")
    (top / "agent.toml").write_text("live_questions = false\n")

    assert closed(top, windows) == ()
    assert (top / "agent" / "spool.db").read_bytes() == b"reports"
    assert (top / "agent.toml").exists()


def test_a_folder_that_a_user_made_first_is_set_aside_whole(
    top: Path, windows: WrittenRights
) -> None:
    top.mkdir()
    (top / "agent.toml").write_text('[engine]\nosqueryd = "C:/Users/anne/evil.exe"\n')
    windows.owners[top] = ANNE

    (aside,) = closed(top, windows)

    assert aside.name.startswith("Vigie.untrusted-")
    assert aside.parent == top.parent
    assert (aside / "agent.toml").exists()
    assert [path.name for path in top.iterdir()] == ["agent"]


def test_a_users_settings_in_an_administrators_folder_are_set_aside(
    top: Path, windows: WrittenRights
) -> None:
    top.mkdir()
    (top / "agent.toml").write_text("data_dir = 'C:/Users/anne'\n")
    windows.owners[top / "agent.toml"] = ANNE

    (aside,) = closed(top, windows)

    assert aside.name.startswith("agent.toml.untrusted-")
    assert not (top / "agent.toml").exists()


def test_a_folder_that_could_not_be_looked_at_whole_does_not_count_as_closed(
    top: Path, windows: WrittenRights, monkeypatch: pytest.MonkeyPatch
) -> None:
    top.mkdir()
    (top / "agent.toml").touch()
    windows.owners[top / "agent.toml"] = ANNE

    def held(*_: object) -> None:
        raise PermissionError("somebody holds it")

    with monkeypatch.context() as windows_refuses:
        windows_refuses.setattr(Path, "rename", held)
        for _ in range(2):
            with pytest.raises(PermissionError):
                closed(top, windows)

    assert [path.parent for path in closed(top, windows)] == [top]
    assert not (top / "agent.toml").exists()


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    top: Path, windows: WrittenRights, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "agent.toml").touch()
    top.symlink_to(elsewhere, target_is_directory=True)

    closed(top, windows)

    assert not top.is_symlink()
    assert not (top / "agent.toml").exists()
    assert [path.name for path in elsewhere.iterdir()] == ["agent.toml"]
    assert elsewhere not in windows.given


def test_the_folder_is_closed_before_anything_below_it_is_looked_at(
    top: Path, windows: WrittenRights
) -> None:
    top.mkdir()
    (top / "agent").mkdir()
    asked: list[tuple[str, Path]] = []

    def owner(path: Path) -> str:
        asked.append(("owner", path))
        return windows.owner(path)

    def give(path: Path, sddl: str) -> None:
        asked.append(("give", path))
        windows.give(path, sddl)

    close_folder(top, top / "agent", Rights(owner, give, windows.told))

    assert asked[:4] == [
        ("owner", top),
        ("owner", top),
        ("give", top),
        ("owner", top / "agent"),
    ]


def test_a_token_is_closed_while_its_file_is_empty(top: Path, windows: WrittenRights) -> None:
    closed(top, windows)
    (top / "enrolment-token").write_text("an older one")

    leave_token(top, "vigie1.secret", windows.rights())

    assert (top / "enrolment-token").read_text() == "vigie1.secret"
    assert windows.given[top / "enrolment-token"] == SECRET
    assert windows.contents[top / "enrolment-token"] == b""


def test_a_token_that_somebody_left_is_closed_too(top: Path, windows: WrittenRights) -> None:
    top.mkdir()
    (top / "enrolment-token").write_text("vigie1.secret")

    closed(top, windows)

    assert windows.given[top / "enrolment-token"] == SECRET


def test_what_an_administrator_left_in_a_closed_folder_stays(
    top: Path, windows: WrittenRights
) -> None:
    closed(top, windows)
    (top / "agent.toml").write_text("live_questions = false\n")
    windows.owners[top / "agent.toml"] = ANNE  # who may write there is an administrator

    assert closed(top, windows) == ()
    assert (top / "agent.toml").exists()


def test_a_user_who_closes_a_folder_as_we_do_is_found_out(
    top: Path, windows: WrittenRights
) -> None:
    top.mkdir()
    windows.owners[top], windows.given[top] = ANNE, TOP

    assert [path.parent for path in closed(top, windows)] == [top.parent]
