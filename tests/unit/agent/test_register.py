"""The register tells staff what is collected on every system, in both languages."""

import json
from dataclasses import replace
from datetime import timedelta

from vigie_agent.domain.packs import Pack, read_pack
from vigie_agent.domain.register import register
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
    columns=("speed", "owner"),
    parts={"front": frozenset({"linux", "windows"})},
    not_on={"darwin": Text("Aucun Mac n'en a.", "No Mac has any.")},
)


def a_pack(name: str = "fans", **fields: object) -> Pack:
    query = {"topic": name, "topic_version": 1, "part": "front"} | fields
    discovery = ["SELECT pid FROM processes"]
    return read_pack(json.dumps({"discovery": discovery, "queries": {"q": query}}), name=name)


def the_register_of(*packs: Pack) -> tuple[str, str]:
    """The French and the English one."""
    text = "\n".join(register(packs, {"fans": FANS}))
    french, english = text.split("\n# Register: what Vigie collects\n")
    return french, english


def test_a_topic_is_told_whole_in_both_languages() -> None:
    french, english = the_register_of(
        a_pack(query="SELECT * FROM users, mounts", platform="linux,windows")
    )

    assert (
        "## Ventilateurs\n"
        "\n"
        "Savoir s'ils tournent.\n"
        "\n"
        "- Fréquence : toutes les heures.\n"
        "- Pourquoi : question 4 du guide, utiliser un antivirus.\n"
        "- Données personnelles : Le nom du propriétaire.\n"
        "- Conservation sur le serveur : 90 jours au plus.\n"
        "- Sur macOS : rien n'est lu. Aucun Mac n'en a.\n"
    ) in french
    assert "| Ventilateurs | toutes les heures | oui | 90 jours au plus |" in french
    assert "- On macOS: nothing is read. No Mac has any.\n" in english
    assert "tables read on Linux: `mounts`, `users`." in english
    assert "Question asked first on Linux, tables read: `processes`." in english
    assert english.endswith("columns sent: `speed`, `owner`.")


def test_what_is_refused_is_told_beside_its_system() -> None:
    _, english = the_register_of(a_pack(query="SELECT * FROM shell_history", platform="linux"))

    assert "not read: Linux (shell_history is not a table that this agent reads)" in english


def test_a_question_of_the_site_is_told_as_such() -> None:
    query = {"query": "SELECT * FROM users", "interval": 900, "description": "Which printers."}
    site = json.dumps({"queries": {"printers": query}})

    french, _ = the_register_of(read_pack(site, name="site"))

    assert "## pack.site.printers\n\nQuestion ajoutée par votre établissement : Which pri" in french
    assert "- Fréquence : toutes les 15 minutes.\n- Données personnelles et cons" in french


def test_titles_stand_in_the_order_of_a_dictionary() -> None:
    titles = {"vpn": "VPN", "state": "État", "device": "équipement", "fan": "Fan"}
    topics = {
        name: replace(FANS, name=name, title=Text(title, title)) for name, title in titles.items()
    }
    packs = [a_pack(name, query="SELECT * FROM users") for name in topics]

    lines = list(register(packs, topics))

    told = [line[3:] for line in lines if line[3:] in titles.values()]
    assert told == ["équipement", "État", "Fan", "VPN"] * 2
