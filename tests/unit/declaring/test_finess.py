"""FINESS numbers: check digits, in Corsica by the numbers that official gazettes name."""

import pytest

from vigie_server.domain.finess import finess

CORSICA = {
    # Préfecture de la Corse-du-Sud, recueils des actes administratifs 2A-2024-029 (1 March 2024),
    # 2A-2024-110 (20 August 2024) and 2A-2025-178 (24 December 2025), acts of the ARS de Corse.
    "2A": ("2A0000014", "2A0000170", "2A0000261", "2A0000386", "2A0002051", "2A0002606"),
    # Préfecture de la Haute-Corse, recueils 2B-2024-02-015 (29 February 2024) and 2B-2024-07-003
    # (4 July 2024), acts of the ARS de Corse.
    "2B": (
        "2B0000020",
        "2B0000442",
        "2B0000459",
        "2B0000939",
        "2B0001341",
        "2B0003057",
        "2B0003073",
        "2B0003107",
        "2B0003628",
        "2B0004238",
        "2B0004246",
        "2B0005342",
    ),
}


@pytest.mark.parametrize("department", CORSICA)
def test_the_numbers_that_gazettes_of_corsica_name_fit(department: str) -> None:
    numbers = CORSICA[department]

    assert [finess(number) for number in numbers] == list(numbers)


@pytest.mark.parametrize("number", [number for held in CORSICA.values() for number in held])
def test_one_wrong_digit_of_such_a_number_is_noticed(number: str) -> None:
    for place in range(2, 9):
        wrong = str((int(number[place]) + 1) % 10)
        with pytest.raises(ValueError, match="last digit does not fit"):
            finess(number[:place] + wrong + number[place + 1 :])


@pytest.mark.parametrize("number", [number for held in CORSICA.values() for number in held])
def test_the_other_department_of_corsica_is_noticed(number: str) -> None:
    other = {"A": "B", "B": "A"}[number[1]]

    with pytest.raises(ValueError, match="last digit does not fit"):
        finess(f"2{other}{number[2:]}")
