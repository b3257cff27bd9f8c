"""FINESS numbers: what names a facility in the national directory of health and social facilities.

Nine characters: the department (two digits, `2A` or `2B` in Corsica), six more digits, and a check
digit by Luhn, in which the letters of Corsica count as A = 1 and B = 2. No public text of the
directory that says so was found. The numbers themselves do: those that the health agency of Corsica
names in the gazettes of both prefectures fit, all of them, and with another digit for a letter none
would (`tests/unit/declaring/test_finess.py` holds 18, with the gazettes).
"""

import re
from typing import Final

_FORM: Final = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{7}")
_DIGITS: Final = str.maketrans("AB", "12")
_GAPS: Final = re.compile(r"[\s.\-]")


def finess(text: str) -> str:
    """The number in its one form. Raises ValueError, saying what is wrong with it."""
    number = _GAPS.sub("", text).upper()
    if _FORM.fullmatch(number) is None:
        raise ValueError("a FINESS number has nine digits (in Corsica, 2A or 2B and seven digits)")
    if (expected := _check_digit(number[:8])) != number[8]:
        raise ValueError(
            f"its last digit does not fit the others ({expected} would): a digit is mistyped"
        )
    return number


def _check_digit(payload: str) -> str:
    total = 0
    for place, sign in enumerate(reversed(payload.translate(_DIGITS))):
        digit = int(sign) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit  # noqa: PLR2004 (Luhn: the sum of its digits)
    return str(-total % 10)
