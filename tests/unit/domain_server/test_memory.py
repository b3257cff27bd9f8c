"""Answers remembered within a bound."""

from vigie_server.domain.memory import Memory


def test_an_answer_is_remembered_by_its_key() -> None:
    memory = Memory[str, int](100)

    memory.put("a", 1, weight=10)

    assert memory.get("a") == 1
    assert memory.get("b") is None


def test_those_not_asked_for_longest_make_room_for_a_new_one() -> None:
    memory = Memory[str, int](100)
    for number, key in enumerate("abc"):
        memory.put(key, number, weight=40)

    assert [memory.get(key) for key in "abc"] == [None, 1, 2]


def test_an_answer_that_is_too_heavy_alone_is_not_remembered_and_costs_no_other() -> None:
    memory = Memory[str, int](100)
    memory.put("a", 1, weight=100)

    memory.put("b", 2, weight=101)

    assert memory.get("a") == 1
    assert memory.get("b") is None


def test_an_answer_given_again_counts_once() -> None:
    memory = Memory[str, int](100)
    for _ in range(10):
        memory.put("a", 1, weight=50)

    memory.put("b", 2, weight=50)

    assert (memory.get("a"), memory.get("b")) == (1, 2)
