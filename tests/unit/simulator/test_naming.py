"""Simulated devices have names of their own, and the platforms of a facility."""

from collections import Counter
from datetime import UTC, datetime

from vigie_server.simulator.naming import (
    is_personal,
    names_of,
    people_of,
    recording_of,
    renamed,
)
from vigie_server.simulator.recorded import RECORDED, Recording, recordings


def a_recording(*usernames: str) -> Recording:
    accounts = [{"username": name} for name in usernames]
    return Recording("windows", "test", datetime(2026, 1, 1, tzinfo=UTC), {"accounts": accounts})


def test_no_two_devices_of_a_fleet_share_a_name_or_a_number() -> None:
    fleet = [names_of(1, number) for number in range(5000)]

    assert len({names.hostname for names in fleet}) == 5000
    assert len({names.serial for names in fleet}) == 5000
    assert len({names.uuid for names in fleet}) == 5000
    assert names_of(1, 17) == fleet[17]
    assert names_of(2, 17).uuid != fleet[17].uuid


def test_a_big_fleet_is_windows_above_all_and_shows_every_recording() -> None:
    found = recordings(RECORDED)

    shown = Counter(recording_of(found, 1, number) for number in range(5000))
    platforms = Counter[str]()
    for index, times in shown.items():
        platforms[found[index].platform] += times

    assert set(shown) == set(range(len(found)))
    assert 0.8 < platforms["windows"] / 5000 < 0.9
    assert min(platforms["linux"], platforms["darwin"]) > 250


def test_people_are_renamed_wherever_they_are_named_and_nobody_else_is() -> None:
    recording = a_recording("c.martin", "Administrateur", "adm-maint")
    rows = [
        {"account": "ESSMS\\c.martin", "hostname": "", "why": "/home/c.martin/x"},
        {"account": "Administrateur", "hostname": "pc-1", "why": "c.martinez"},
    ]

    people = people_of(recording)
    first, second = renamed(rows, names_of(1, 0), people)

    assert people == ("c.martin",)
    assert is_personal(rows, people)
    somebody = first["account"].removeprefix("ESSMS\\")
    assert somebody != "c.martin"
    assert first["why"] == f"/home/{somebody}/x"
    assert first["hostname"] == ""
    assert second == {"account": "Administrateur", "hostname": "ACCUEIL-000", "why": "c.martinez"}
