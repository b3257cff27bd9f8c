"""What people declare, in both stores: kept, scoped, audited, and judged again where it matters."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.cards import Card
from vigie_server.domain.errors import InUse, NotFound
from vigie_server.domain.overrides import Scope
from vigie_server.domain.records import DeviceRecord
from vigie_server.domain.site_figures import Inventory
from vigie_server.domain.sites import Contact, Site
from vigie_server.ports.declaring import Act, Target
from vigie_server.ports.sessions import SessionStart
from vigie_server.store.administration import Administration
from vigie_server.store.cards import Cards
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.inventories import SiteInventories
from vigie_server.store.mail import MailDomains
from vigie_server.store.models import Audit, Base, DeviceRow, EnrolmentToken, VerdictRow
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records
from vigie_server.store.site_removal import FOLLOWED, HELD
from vigie_server.store.tables import table
from vigie_server.store.tokens import Tokens

ACT = Act("cli:test", NOW)
RULE, NAME = "Q05-min-length", "min_length"
OTHER = b"o" * 32
AUDIT, DEVICE, TOKEN = table(Audit), table(DeviceRow), table(EnrolmentToken)
VERDICT = table(VerdictRow)
TILLEULS = Target(Scope.SITE, SITE)


@pytest.fixture
def devices(database: Database) -> dict[str, int]:
    """Two devices of one site, one of another, all judged."""
    a_token(database)
    a_token(database, secret_hash=OTHER, site="Les Lilas")
    keys = {
        "a": a_device(database, "a", serial="PF-1", hostname="SRV-1"),
        "b": a_device(database, "b", serial="PF-2", hostname="ACCUEIL"),
        "c": a_device(database, "c", serial="PF-3", hostname="SRV-3", secret_hash=OTHER),
    }
    mark_judged(database)
    return keys


def mark_judged(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(DEVICE.update().values(judged_with="rules"))


def to_judge(database: Database, devices: dict[str, int]) -> list[str]:
    """The devices that the sweeper is to judge again, and none after this."""
    keys = Records(database).judged_otherwise("rules", limit=10)
    mark_judged(database)
    return sorted(name for name, key in devices.items() if key in keys)


def with_verdicts(database: Database, devices: dict[str, int]) -> None:
    """The devices, judged by two rules none of which is due."""
    with database.writing() as connection:
        connection.execute(VERDICT.delete())
        connection.execute(
            VERDICT.insert(),
            [
                {
                    "device_key": key,
                    "rule": rule,
                    "rule_version": 1,
                    "status": "pass",
                    "reason": "{}",
                    "offending": "[]",
                    "measures": "{}",
                    "topic_versions": "{}",
                    "since": NOW,
                    "waived": False,
                }
                for key in devices.values()
                for rule in (RULE, "Q05-other")
            ],
        )
    mark_judged(database)


def due_rules(database: Database, devices: dict[str, int]) -> dict[str, Sequence[str]]:
    due = Records(database).due(now=NOW, limit=10)
    return {name: due[key] for name, key in devices.items() if key in due}


def acts(database: Database) -> Sequence[tuple[str, str, str]]:
    with database.reading() as connection:
        rows = connection.execute(select(AUDIT).where(AUDIT.c.actor == ACT.actor))
        return [(row.actor, row.action, row.subject) for row in rows]


def set_length(database: Database, target: Target, value: int, *, reason: str = "essai") -> None:
    Overrides(database).put(target, rule=RULE, name=NAME, value=value, reason=reason, act=ACT)


def length_of(database: Database, key: int) -> object:
    return length_of_record(Records(database).record(key))


def length_of_record(record: DeviceRecord) -> object:
    parameters = record.device.parameters
    return None if parameters is None else parameters[RULE][NAME]


def test_a_site_is_kept_whole_and_read_back(database: Database) -> None:
    site = Site(
        name="Les Érables",
        body="Association du Val",
        region="76",
        finess="970408589",
        networks=("192.168.1.0/24",),
        gateways=("00:1a:2b:3c:4d:5e",),
        declared_devices=12,
        contacts=(Contact("Accueil", phone="05 00 00 00 00"),),
    )
    store = Organisation(database)

    store.put(site, ACT)

    assert store.site("Les Érables") == site
    assert list(store.sites(None)) == [site]
    assert list(store.sites(frozenset({"Les Lilas"}))) == []
    assert acts(database) == [(ACT.actor, "declared a site", "Les Érables")]


def test_a_site_that_is_declared_again_is_as_declared_last(database: Database) -> None:
    store = Organisation(database)
    store.put(Site("A", body="Un corps mal nomé", region="76"), ACT)

    store.put(Site("A", body="Un corps bien nommé"), ACT)

    assert store.sites(None) == [Site("A", body="Un corps bien nommé")]


def test_only_where_a_site_is_found_has_its_devices_judged_again(
    database: Database, devices: dict[str, int]
) -> None:
    store = Organisation(database)

    store.put(Site(SITE, region="76"), ACT)
    of_region = to_judge(database, devices)
    store.put(Site(SITE, region="76", networks=("10.0.0.0/8",)), ACT)

    assert of_region == []
    assert to_judge(database, devices) == ["a", "b"]


@pytest.mark.parametrize("spent", ["used up", "expired", "revoked"])
def test_a_token_that_enrols_nothing_any_more_goes_with_its_site(
    database: Database, spent: str
) -> None:
    a_token(database, uses=1)
    store, later = Organisation(database), replace(ACT, at=NOW + timedelta(hours=1))
    with pytest.raises(InUse, match=r"1 usable enrolment token \(`token revoke ID`: 68686868\)"):
        store.remove(SITE, later)

    match spent:
        case "used up":
            with database.writing() as connection:
                connection.execute(TOKEN.update().values(uses=1))
        case "expired":
            later = replace(ACT, at=NOW + timedelta(days=1))
        case _:
            Tokens(database).revoke("68686868", now=NOW, actor="test")
    store.remove(SITE, later)

    assert store.sites(None) == []
    assert Tokens(database).enrolment_tokens() == []


def test_the_first_names_of_sites_are_read_and_no_more(database: Database) -> None:
    store = Organisation(database)
    for name in ("C", "A", "B"):
        store.put(Site(name), ACT)

    assert store.names(None, most=2) == ["A", "B"]
    assert store.names(frozenset({"C", "B", "D"}), most=2) == ["B", "C"]
    assert store.names(frozenset(), most=2) == []


def test_what_people_recorded_of_a_site_keeps_it(database: Database) -> None:
    store = Organisation(database)
    store.put(Site("Vide"), ACT)
    Groups(database).put("Vide", "g", '{"platform": ["linux"]}', ACT)
    MailDomains(database).put("Vide", "vide.example", (), ACT)
    SiteInventories(database).review("Vide", Inventory.ACCESS, "", ACT)

    with pytest.raises(InUse) as refused:
        store.remove("Vide", ACT)
    Groups(database).remove("Vide", "g", ACT)
    MailDomains(database).remove("Vide", "vide.example", ACT)

    told = str(refused.value)
    assert "1 group (`group remove NAME --site ...`)" in told
    assert "1 mail domain (`mail remove DOMAIN --site ...`)" in told
    with pytest.raises(InUse, match=r"as it has 1 inventory review \(kept as history\)$"):
        store.remove("Vide", ACT)


def test_all_that_can_belong_to_a_site_has_words() -> None:
    naming = {used.name for used in Base.metadata.sorted_tables if "site_key" in used.c}

    assert naming - {followed.name for followed in FOLLOWED} == HELD.keys()


def test_a_site_with_devices_is_not_removed_and_an_empty_one_is(
    database: Database, devices: dict[str, int]
) -> None:
    store = Organisation(database)
    store.put(Site("Vide"), ACT)
    set_length(database, Target(Scope.SITE, "Vide"), 12)

    with pytest.raises(InUse, match=r"as it has 2 devices .*; 1 usable enrolment token "):
        store.remove(SITE, ACT)
    store.remove("Vide", ACT)

    assert [site.name for site in store.sites(None)] == ["Les Lilas", SITE]
    assert Overrides(database).overrides(None) == []
    for act in (lambda: store.site("Vide"), lambda: store.remove("Vide", ACT)):
        with pytest.raises(NotFound):
            act()
    assert len(devices) == 3


def test_a_group_picks_devices_of_its_site_or_of_every_site(
    database: Database, devices: dict[str, int]
) -> None:
    store = Groups(database)
    store.put(SITE, "servers", '{"hostname": ["srv-*"]}', ACT)
    store.put(None, "servers", '{"hostname": ["srv-*"]}', ACT)
    store.put("Les Lilas", "linux", '{"platform": ["linux"]}', ACT)

    found = {
        (group.site, group.name): list(store.members(group, None)) for group in store.groups(None)
    }

    assert found == {
        (None, "servers"): ["a", "c"],
        (SITE, "servers"): ["a"],
        ("Les Lilas", "linux"): ["c"],
    }
    assert len(devices) == 3


def test_a_reader_of_one_site_sees_its_groups_and_those_of_every_site(
    database: Database, devices: dict[str, int]
) -> None:
    store = Groups(database)
    store.put(SITE, "here", '{"platform": ["linux"]}', ACT)
    store.put("Les Lilas", "there", '{"platform": ["linux"]}', ACT)
    store.put(None, "everywhere", '{"platform": ["linux"]}', ACT)
    scope = frozenset({SITE})

    found = store.groups(scope)

    assert {group.name for group in found} == {"here", "everywhere"}
    everywhere = store.group(None, "everywhere")
    assert list(store.members(everywhere, scope)) == ["a", "b"]
    assert len(devices) == 3


def test_devices_that_enter_or_leave_a_group_are_judged_again(
    database: Database, devices: dict[str, int]
) -> None:
    store = Groups(database)
    store.put(SITE, "g", '{"hostname": ["srv-1"]}', ACT)
    set_length(database, Target(Scope.GROUP, "g", SITE), 20)
    mark_judged(database)

    store.put(SITE, "g", '{"hostname": ["accueil"]}', ACT)

    assert to_judge(database, devices) == ["a", "b"]
    assert (length_of(database, devices["a"]), length_of(database, devices["b"])) == (None, 20)


def test_a_group_takes_its_overrides_with_it(database: Database, devices: dict[str, int]) -> None:
    store = Groups(database)
    store.put(None, "g", '{"platform": ["linux"]}', ACT)
    set_length(database, Target(Scope.GROUP, "g"), 20)
    mark_judged(database)

    store.remove(None, "g", ACT)

    assert to_judge(database, devices) == ["a", "b", "c"]
    assert Overrides(database).overrides(None) == []
    with pytest.raises(NotFound):
        store.group(None, "g")


def test_the_override_nearest_to_the_device_is_on_its_record(
    database: Database, devices: dict[str, int]
) -> None:
    Groups(database).put(SITE, "servers", '{"hostname": ["srv-*"]}', ACT)
    steps = []
    for target, value in (
        (TILLEULS, 10),
        (Target(Scope.GROUP, "servers", SITE), 11),
        (Target(Scope.DEVICE, "a"), 12),
    ):
        set_length(database, target, value)
        steps.append([length_of(database, devices[name]) for name in "abc"])

    assert steps == [[10, 10, None], [11, 10, None], [12, 10, None]]


def test_many_devices_have_what_each_has_alone(database: Database, devices: dict[str, int]) -> None:
    Groups(database).put(SITE, "servers", '{"roles": ["stores-data"]}', ACT)
    set_length(database, TILLEULS, 10)
    set_length(database, Target(Scope.GROUP, "servers", SITE), 11)
    set_length(database, Target(Scope.DEVICE, "c"), 12)
    Cards(database).change({"a": {"roles": ("stores-data",), "place": "Baie"}}, ACT)
    store = Records(database)

    together = {record.key: record for record in store.many(list(devices.values()))}

    for key in devices.values():
        alone = store.record(key)
        assert together[key].device == alone.device
        assert together[key].around == alone.around
    assert [length_of(database, devices[name]) for name in "abc"] == [11, 10, 12]
    assert together[devices["a"]].device.named("asset.place") == "Baie"
    assert together[devices["b"]].device.named("asset.place") == ""


def test_no_device_is_asked_for_and_none_is_given(database: Database) -> None:
    store = Records(database)

    assert not store.many([])
    assert not store.many_with_forms([])


def test_fifty_devices_are_read_with_as_many_statements_as_one(
    database: Database, devices: dict[str, int]
) -> None:
    a_token(database, secret_hash=b"m" * 32, uses=50)
    keys = [a_device(database, f"d{number}", secret_hash=b"m" * 32) for number in range(50)]
    Groups(database).put(SITE, "g", '{"platform": ["linux"]}', ACT)
    set_length(database, Target(Scope.GROUP, "g", SITE), 11)
    statements: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _, __, statement, *___: statements.append(statement),
    )

    counts = []
    for asked in ([devices["a"]], [devices["a"], *keys]):
        statements.clear()
        read = Records(database).many(asked)
        counts.append(len(statements))
        assert {length_of_record(record) for record in read} == {11}

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("target", "judged"),
    [
        (TILLEULS, ["a", "b"]),
        (Target(Scope.GROUP, "servers", None), ["a", "c"]),
        (Target(Scope.DEVICE, "b"), ["b"]),
    ],
)
def test_those_whom_a_parameter_concerns_are_judged_again_when_set_and_unset(
    database: Database, devices: dict[str, int], target: Target, judged: list[str]
) -> None:
    Groups(database).put(None, "servers", '{"hostname": ["srv-*"]}', ACT)
    store = Overrides(database)
    with_verdicts(database, devices)

    set_length(database, target, 12)
    first = due_rules(database, devices)
    with_verdicts(database, devices)
    store.remove(target, rule=RULE, name=NAME, reason="fini", act=ACT)

    assert first == due_rules(database, devices) == {name: [RULE] for name in judged}
    assert to_judge(database, devices) == []
    assert sorted(store.concerned(target)) == sorted(devices[name] for name in judged)
    assert store.overrides(None) == []


def test_a_session_that_was_open_comes_too_late_after_a_declaration(
    database: Database, devices: dict[str, int]
) -> None:
    store = Records(database)
    (before,) = store.start_sessions(
        [SessionStart(devices["a"], b"s", (), ("x",), "0.1.0", "embedded", 0, NOW, None)]
    )
    assert before is not None

    set_length(database, TILLEULS, 12)

    assert store.record(devices["a"]).revision == before + 1


def test_a_value_that_is_set_again_replaces_the_earlier_one(
    database: Database, devices: dict[str, int]
) -> None:
    set_length(database, TILLEULS, 10)
    Overrides(database).put(
        TILLEULS,
        rule=RULE,
        name=NAME,
        value=12,
        reason="mieux",
        act=Act("cli:autre", NOW + timedelta(days=1)),
    )

    device, (found,) = Overrides(database).holding("a")

    assert device.id == "a"
    assert (found.value, found.reason, found.author) == (12, "mieux", "cli:autre")
    assert (found.scope, found.of, found.site) == (Scope.SITE, SITE, SITE)
    assert found.at == NOW + timedelta(days=1)
    assert len(devices) == 3


def test_a_reader_sees_the_overrides_of_its_sites_and_of_groups_of_every_site(
    database: Database, devices: dict[str, int]
) -> None:
    Groups(database).put(None, "all", '{"platform": ["linux"]}', ACT)
    for target in (
        TILLEULS,
        Target(Scope.SITE, "Les Lilas"),
        Target(Scope.DEVICE, "c"),
        Target(Scope.GROUP, "all"),
    ):
        set_length(database, target, 12)

    seen = Overrides(database).overrides(frozenset({SITE}))

    assert [(found.scope.value, found.of) for found in seen] == [("site", SITE), ("group", "all")]
    assert len(Overrides(database).overrides(None)) == 4
    assert len(devices) == 3


def test_what_does_not_exist_is_not_found(database: Database, devices: dict[str, int]) -> None:
    store = Overrides(database)
    for target in (
        Target(Scope.SITE, "Nulle part"),
        Target(Scope.GROUP, "g", SITE),
        Target(Scope.DEVICE, "z"),
    ):
        with pytest.raises(NotFound):
            set_length(database, target, 12)
    attempts: list[Callable[[], object]] = [
        lambda: store.remove(TILLEULS, rule=RULE, name=NAME, reason="x", act=ACT),
        lambda: store.holding("z"),
        lambda: Cards(database).card("z"),
        lambda: Groups(database).put("Nulle part", "g", '{"platform": ["linux"]}', ACT),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()

    assert to_judge(database, devices) == []
    assert acts(database) == []


def test_a_card_is_kept_with_its_author_and_has_its_device_judged_again(
    database: Database, devices: dict[str, int]
) -> None:
    store = Cards(database)

    changed = store.change({"a": {"place": "Accueil", "roles": ("kiosk",)}, "b": {}}, ACT)

    written = store.card("a")
    assert changed == 1
    assert written.card == Card({"place": "Accueil", "roles": ("kiosk",)})
    assert (written.author, written.updated_at) == (ACT.actor, NOW)
    assert to_judge(database, devices) == ["a"]
    assert acts(database) == [(ACT.actor, "changed the asset card: place, roles", "a")]


def test_the_same_card_again_changes_nothing(database: Database, devices: dict[str, int]) -> None:
    store = Cards(database)
    store.change({"a": {"place": "Accueil"}}, ACT)
    mark_judged(database)

    assert store.change({"a": {"place": "Accueil"}}, ACT) == 0
    assert to_judge(database, devices) == []


def test_a_card_without_fields_is_gone(database: Database, devices: dict[str, int]) -> None:
    store = Cards(database)
    store.change({"a": {"place": "Accueil"}}, ACT)

    store.change({"a": {"place": None}}, ACT)

    assert store.card("a").author == ""
    assert Records(database).record(devices["a"]).device.named("asset.recorded") is False


def test_a_file_for_a_large_site_is_taken_in_few_statements(
    database: Database, devices: dict[str, int]
) -> None:
    changes = {name: {"place": "Ici"} for name in devices}
    statements: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _, __, statement, *___: statements.append(statement),
    )

    counts = []
    for wanted in (["a"], ["b", "c"]):
        statements.clear()
        Cards(database).change({name: changes[name] for name in wanted}, ACT)
        counts.append(len(statements))

    assert counts[0] == counts[1]
    assert [card.cells for _, card in Cards(database).cards(None)] == [{"place": "Ici"}] * 3


def test_of_cards_with_an_unknown_device_none_is_changed(
    database: Database, devices: dict[str, int]
) -> None:
    store = Cards(database)

    with pytest.raises(NotFound):
        store.change({"a": {"place": "Accueil"}, "z": {"place": "Ailleurs"}}, ACT)

    assert store.card("a").card == Card()
    assert to_judge(database, devices) == []


def test_devices_are_known_by_what_a_file_may_name_them_by(
    database: Database, devices: dict[str, int]
) -> None:
    Administration(database).retire("b", now=NOW, actor="x")

    known = Cards(database).known(frozenset({SITE}))

    assert [(found.id, found.serial, found.hostname, found.retired) for found in known] == [
        ("b", "PF-2", "ACCUEIL", True),
        ("a", "PF-1", "SRV-1", False),
    ]
    assert len(devices) == 3
