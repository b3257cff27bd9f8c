"""Lookups that are made when the first question is asked."""

from vigie_server.domain.mail.dns import Answer, Kind, Outcome, Question
from vigie_server.mail.late_lookups import LateLookups


class Noted:
    """Counts how often it is made, and notes what it is asked."""

    made = 0

    def __init__(self) -> None:
        Noted.made += 1
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        return Answer(Outcome.FOUND, (str(len(self.asked)),))


async def test_lookups_are_made_at_the_first_question_and_once() -> None:
    question = Question("tilleuls.example", Kind.MX)
    lookups = LateLookups(Noted)
    before = Noted.made

    answers = [await lookups.answer(question) for _ in range(2)]

    assert (before, Noted.made) == (0, 1)
    assert [answer.records for answer in answers] == [("1",), ("2",)]
