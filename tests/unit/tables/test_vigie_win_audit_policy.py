"""vigie_win_audit_policy: what Windows notes, by numbers that no language changes."""

import pytest

from fake_host import rows_of
from fake_windows import DENIED, WrittenWindows, a_windows_device
from vigie_agent.tables.vigie_win_audit_policy import SUBCATEGORIES, tables


@pytest.mark.parametrize(
    ("number", "audited"), [(0, "none"), (1, "success"), (2, "failure"), (3, "both"), (4, "none")]
)
def test_a_subcategory_is_told_in_words_of_ours(number: int, audited: str) -> None:
    windows = WrittenWindows(audited={SUBCATEGORIES["logon"]: number})

    told = {
        row["subcategory"]: row["audited"]
        for row in rows_of(tables(a_windows_device(windows)), "vigie_win_audit_policy")
    }

    assert told == dict.fromkeys(SUBCATEGORIES, "none") | {"logon": audited}


def test_without_rights_nothing_is_taken_for_not_audited() -> None:
    device = a_windows_device(WrittenWindows(audited=DENIED))

    (row,) = rows_of(tables(device), "vigie_win_audit_policy")

    assert (row["collected"], row["why"]) == ("no", "the audit policy: needs elevated rights")
