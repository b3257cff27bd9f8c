"""Staff can read what is collected, how often and why, in plain French and English."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collecting import a_topic
from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.explain import AskedQuestion, explanation
from vigie_agent.domain.explain_words import every
from vigie_agent.domain.packs import Query
from vigie_agent.domain.plan import PartPlan, Plan, TopicPlan
from vigie_agent.domain.topics import Text, Topic

FANS = Topic(
    name="fans",
    version=1,
    title=Text("Ventilateurs", "Fans"),
    purpose=Text("Savoir s'ils tournent.", "Whether they turn."),
    guide_questions=(4,),
    interval=timedelta(hours=1),
    personal_data=Text("Le nom du propriétaire.", "The owner's name."),
    retention_days=90,
    columns=("speed",),
    parts={"front": frozenset({"linux"})},
)


def explained(
    *topics: TopicPlan,
    asked: tuple[AskedQuestion, ...] | None = (),
    language: str = "en",
    with_sql: bool = False,
    problems: tuple[str, ...] = (),
) -> str:
    plan = Plan({topic.topic: topic for topic in topics}, problems)
    return "\n".join(
        explanation(
            plan,
            {"fans": FANS},
            asked,
            language=language,
            platform="linux",
            with_sql=with_sql,
        )
    )


def a_part_asking(part: str, sql: str, discovery: tuple[str, ...] = ()) -> PartPlan:
    return PartPlan(part, Query(part, sql, timedelta(hours=1)), discovery)


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "fr",
            [
                "Ventilateurs",
                "Savoir s'ils tournent.",
                "Fréquence : toutes les heures.",
                "Pourquoi : question 4 du guide, utiliser un antivirus.",
                "Données personnelles : Le nom du propriétaire.",
                "Conservation sur le serveur : 90 jours au plus.",
            ],
        ),
        (
            "en",
            [
                "Fans",
                "Whether they turn.",
                "How often: every hour.",
                "Why: question 4 of the guide, using an antivirus.",
                "Personal data: The owner's name.",
                "Kept on the server: 90 days at most.",
            ],
        ),
    ],
)
def test_a_topic_is_told_whole_in_both_languages(language: str, sentences: list[str]) -> None:
    text = explained(a_topic(), language=language)

    assert "\n  ".join(sentences) in text


@pytest.mark.parametrize(
    ("language", "react", "insure"),
    [("fr", "réagir en cas de cyberattaque", "assurance"), ("en", "react", "insurance")],
)
def test_logs_belong_to_reacting_to_an_attack_which_is_question_11_and_not_insurance(
    language: str, react: str, insure: str
) -> None:
    logs = replace(FANS, guide_questions=(11,))
    plan = Plan({"fans": a_topic()})

    told = explanation(plan, {"fans": logs}, (), platform="linux", language=language)
    text = "\n".join(told)

    assert react in text
    assert insure not in text


def test_what_is_not_read_here_is_told() -> None:
    missing = PartPlan("back", None, unanswered=QueryError(Reason.ERROR, "needs osquery 6"))

    assert "Not read on this computer: back (needs osquery 6)." in explained(a_topic(missing))


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("needs osquery 6", "il faut osquery 6"),
        ("no query of the packs answers it", "aucune question des paquets n'y répond"),
    ],
)
def test_what_is_not_read_here_is_told_in_french(detail: str, told: str) -> None:
    missing = PartPlan("back", None, unanswered=QueryError(Reason.ERROR, detail))

    text = explained(a_topic(missing), language="fr")

    assert f"Non lu sur cet ordinateur : back ({told})." in text


def test_a_question_of_the_site_is_told_with_its_description() -> None:
    query = Query("q", "SELECT 1", timedelta(minutes=15), description="Which printers are here.")
    site = TopicPlan("pack.site.q", 1, timedelta(minutes=15), None, (PartPlan("", query),))

    text = explained(site)

    assert "Question added by your facility: Which printers are here." in text
    assert "How often: every 15 minutes." in text
    assert "Personal data and how long it is kept: ask your facility" in text


def test_the_tables_that_are_read_are_told_once_each_in_order() -> None:
    topic = a_topic(
        a_part_asking("front", "SELECT * FROM mounts, users"),
        a_part_asking("back", "SELECT * FROM users"),
    )

    assert "Read in (tables): mounts, users." in explained(topic)
    assert "Où c'est lu (tables) : mounts, users." in explained(topic, language="fr")


def test_what_a_discovery_query_reads_is_told_and_its_text_on_demand() -> None:
    first = ("SELECT pid FROM processes",)
    topic = a_topic(a_part_asking("front", "SELECT * FROM users", discovery=first))

    assert "a question asked first finds something; that one reads: processes." in explained(topic)
    assert "discovery:" not in explained(topic)
    assert "discovery: SELECT pid FROM processes" in explained(topic, with_sql=True)


def test_a_query_that_the_agent_refuses_is_told_as_not_read() -> None:
    topic = a_topic(
        a_part_asking("front", "SELECT * FROM shell_history", discovery=("SELECT * FROM curl",))
    )

    text = explained(topic)

    assert "refused by the agent and so not read: front (shell_history is not a table" in text
    assert "refused by the agent and so not read: SELECT * FROM curl (" in text
    assert "Read in" not in text


def test_questions_that_were_left_out_are_told() -> None:
    text = explained(a_topic(), problems=("pack site, query q: it has no SQL",))

    assert "Questions left out, and so not asked\n  pack site, query q: it has no SQL" in text


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("fr", "À l'enrôlement : numéro de série"), ("en", "At enrolment: serial number")],
)
def test_what_is_sent_beside_the_topics_is_told(language: str, sentence: str) -> None:
    assert sentence in explained(a_topic(), language=language)


def test_the_queries_are_printed_on_demand_only() -> None:
    assert "SELECT front" not in explained(a_topic())
    assert "front: SELECT front" in explained(a_topic(), with_sql=True)


def test_every_question_asked_directly_is_told() -> None:
    asked = AskedQuestion("2026-03-02T08:00:00+00:00", "Anne", "heat alarm", "SELECT\n  speed")

    text = explained(asked=(asked,))

    assert "2026-03-02T08:00:00+00:00  by Anne: heat alarm\n    SELECT speed" in text


def test_no_question_and_no_right_to_see_them_are_told_apart() -> None:
    assert explained(asked=()).endswith("None.")
    assert "Only the administrator" in explained(asked=None)


@pytest.mark.parametrize(
    ("seconds", "fr", "en"),
    [
        (86400, "une fois par jour", "once a day"),
        (604800, "tous les 7 jours", "every 7 days"),
        (3600, "toutes les heures", "every hour"),
        (7200, "toutes les 2 heures", "every 2 hours"),
        (900, "toutes les 15 minutes", "every 15 minutes"),
        (90, "toutes les 90 secondes", "every 90 seconds"),
    ],
)
def test_an_interval_is_told_in_words(seconds: int, fr: str, en: str) -> None:
    interval = timedelta(seconds=seconds)

    assert (every(interval, language="fr"), every(interval, language="en")) == (fr, en)
