"""Packs are read as osqueryd reads them, and what is wrong is said with its place."""

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.domain.errors import PackMalformed
from vigie_agent.domain.packs import (
    Host,
    Query,
    is_meant_for,
    machine_shard,
    read_pack,
    read_packs,
    restriction,
)

LINUX = Host("linux", "5.23.1")


def a_pack_of(**fields: object) -> str:
    """A pack of one query, `fan_speed`, with these fields beside its SQL."""
    return json.dumps({"queries": {"fan_speed": {"query": "SELECT 1", **fields}}})


def the_query_of(text: str) -> Query:
    pack = read_pack(text, name="fans")
    assert pack.problems == ()
    (query,) = pack.queries
    return query


def test_a_plain_pack_gives_every_field() -> None:
    text = a_pack_of(
        interval=60,
        snapshot=True,
        removed=False,
        denylist=False,
        shard=40,
        version="5.8.1",
        platform="linux",
        description="how fast",
        topic="fans",
        topic_version=2,
        part="front",
    )

    query = the_query_of(text)

    assert query == Query(
        name="fan_speed",
        sql="SELECT 1",
        interval=timedelta(seconds=60),
        platforms=frozenset({"linux"}),
        version="5.8.1",
        shard=40,
        snapshot=True,
        removed=False,
        denylist=False,
        description="how fast",
        topic="fans",
        topic_version=2,
        part="front",
    )


@pytest.mark.parametrize(
    "text",
    [
        '# made by hand\n{"queries": {"q": {"query": "SELECT 1", "interval": 5}}}',
        '{\n  // what we ask\n  "queries": {"q": {"query": "SELECT 1", "interval": 5}}}',
        '{"queries": {"q": {"query": "SELECT 1", /* often\n */ "interval": 5}}} // end',
        '{"queries": {"q": {"query": "SELECT 1", "interval": 5,},},}',
        '{"queries": {"q": {"query": "SELECT 1", "interval": 5, // last\n }}}',
        '{"queries": \\\n {"q": {"query": "SELECT 1", "interval": 5}}}',
        '{"queries": {"q": {"query": "SEL\\\nECT 1", "interval": 5}}}',
        '{"queries": {"q": {"query": "SEL\\\r\nECT 1", "interval": 5}}}',
        '\ufeff{"queries": {"q": {"query": "SELECT 1", "interval": "5"}}}',
        '{"queries": {"q": {"query": "SELECT 1", "interval": 5, "someday": [1, {}]}}, "x": null}',
        '{"queries": {"q": {"query": "SELECT 1", "interval": 5, "interval": 9}}}',
    ],
    ids=[
        "hash comment",
        "slash comment",
        "block comment",
        "trailing commas",
        "trailing comma before a comment",
        "continued between tokens",
        "continued inside a string",
        "continued with a carriage return",
        "byte order mark and quoted number",
        "unknown keys",
        "a key written twice counts as first written",
    ],
)
def test_an_oddity_of_public_packs_changes_nothing(text: str) -> None:
    pack = read_pack(text, name="odd")

    assert [(q.name, q.sql, q.interval) for q in pack.queries] == [
        ("q", "SELECT 1", timedelta(seconds=5))
    ]
    assert pack.problems == ()


def test_what_looks_like_a_comment_inside_a_string_stays() -> None:
    sql = "SELECT '/* # */' AS a, 'https://example.org' AS b -- # not a comment,]"
    text = '{"queries": {"q": {"query": ' + json.dumps(sql) + ', "interval": 5,}}}'

    (query,) = read_pack(text, name="urls").queries

    assert query.sql == sql


def test_an_escape_that_json_lacks_keeps_its_backslash() -> None:
    text = r"""{"queries": {"q": {"query": "SELECT '\.exe\d \\ \" \u0041'", "interval": 5}}}"""

    (query,) = read_pack(text, name="escapes").queries

    assert query.sql == r"""SELECT '\.exe\d \ " A'"""


def test_a_line_end_inside_a_string_is_kept() -> None:
    (query,) = read_pack(
        '{"queries": {"q": {"query": "SELECT 1,\n 2", "interval": 5}}}', name="lines"
    ).queries

    assert query.sql == "SELECT 1,\n 2"


def test_malformed_text_is_told_with_the_place_in_the_file_as_written() -> None:
    text = '{\n  // a comment\n  "queries": {"q": {"query": "SEL\\\nECT",\n    "interval" 5}}\n}'

    with pytest.raises(PackMalformed, match=r"^pack site: line 5, column 16: Expecting ':'"):
        read_pack(text, name="site")


@pytest.mark.parametrize("text", ["", "[]", "42", '{"queries": {}} {}', "{", '{"a": "'])
def test_what_is_not_a_pack_is_refused(text: str) -> None:
    with pytest.raises(PackMalformed, match=r"^pack none: "):
        read_pack(text, name="none")


@given(st.text(alphabet='{}[]":,\\/*#\n abq1', max_size=60))
def test_any_text_is_a_pack_or_says_why_not(text: str) -> None:
    with suppress(PackMalformed):  # anything else that is raised fails
        assert read_pack(text, name="any").queries == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_comments_and_commas_never_change_what_a_pack_says(value: object) -> None:
    plain = {"queries": {"q": {"query": "SELECT 1", "description": json.dumps(value)}}}
    text = json.dumps(plain, indent=1).replace("\n", ' // noise, "}\n')

    pack = read_pack(text, name="noisy")

    assert pack.queries[0].description == json.dumps(value)


@pytest.mark.parametrize("interval", [0, -1, 604_801, "soon", 1.5, True, [], "-5"])
def test_an_impossible_interval_is_left_out_and_told(interval: object) -> None:
    text = '{"queries": {\n"bad": {"query": "SELECT 1", "interval": ' + json.dumps(interval)
    text += '},\n"good": {"query": "SELECT 2", "interval": 60}}}'

    pack = read_pack(text, name="site")

    assert [query.name for query in pack.queries] == ["good"]
    (problem,) = pack.problems
    assert problem == (
        f"pack site, query bad (line 2): interval {interval!r} is out of range: write a number of "
        "seconds from 1 to 604800"
    )


def test_a_query_without_an_interval_runs_hourly_as_in_osqueryd() -> None:
    assert the_query_of(a_pack_of()).interval == timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"query": ""}, "it has no SQL"),
        ({"query": 5}, "it has no SQL"),
        ({"topic": "Local Admins"}, "`topic` 'Local Admins' is not a name"),
        ({"topic": "fans"}, "`topic_version` is missing"),
        ({"topic": "fans", "topic_version": 0}, "`topic_version` is missing"),
        ({"topic": "fans", "topic_version": 1}, "`part` is missing"),
    ],
)
def test_a_query_that_cannot_be_asked_is_told(fields: dict[str, object], problem: str) -> None:
    pack = read_pack(a_pack_of(**fields), name="site")

    assert pack.queries == ()
    assert problem in pack.problems[0]


def test_a_pack_without_queries_is_told() -> None:
    assert read_pack("{}", name="empty").problems == (
        'pack empty: it has no "queries" object, so it asks nothing',
    )


def test_a_query_without_a_topic_makes_one_of_its_own() -> None:
    query = the_query_of(a_pack_of())

    assert (query.topic, query.topic_version, query.part) == ("pack.fans.fan_speed", 1, "")


@pytest.mark.parametrize(
    ("written", "linux", "darwin", "windows"),
    [
        (None, True, True, True),
        ("", True, True, True),
        ("null", True, True, True),
        ("all", True, True, True),
        ("any", True, True, True),
        ("posix", True, True, False),
        ("linux", True, False, False),
        ("ubuntu", True, False, False),
        ("darwin", False, True, False),
        ("Windows", False, False, True),
        ("linux, windows", True, False, True),
        ("linux,darwin", True, True, False),
        ("darwin;windows", False, True, True),
        ("linux darwin", True, True, False),
        ("any platform", True, True, True),
        ("centos", True, False, False),
        ("posix,windows", True, True, True),
        (" ", True, True, True),
        ("freebsd", False, False, False),
        ("freebsd,darwin", False, True, False),
    ],
)
def test_a_platform_says_where_a_query_runs(
    written: str | None, linux: bool, darwin: bool, windows: bool
) -> None:
    query = the_query_of(a_pack_of(platform=written))

    assert is_meant_for(query, Host("linux")) is linux
    assert is_meant_for(query, Host("darwin")) is darwin
    assert is_meant_for(query, Host("windows")) is windows


@pytest.mark.parametrize(
    ("needed", "running", "why"),
    [
        ("", "5.23.1", None),
        ("null", "5.23.1", None),
        ("5.8.1", "5.23.1", None),
        ("5.23.1", "5.23.1", None),
        ("5.24", "5.23.1", "needs osquery 5.24"),
        ("6", "5.23.1", "needs osquery 6"),
        ("5.0", "5", None),
        ("5.9.0", "5.10.0-3-gabcdef", None),
        ("5.8.1", "", None),
        ("0.0.0", "5.23.1", None),
        ("1.4.5", "5.23.1", None),
        ("5.3", "5.23.1", None),
        ("5.23.1.2", "5.23.1", "needs osquery 5.23.1.2"),
    ],
)
def test_a_version_is_the_oldest_osquery_that_answers(
    needed: str, running: str, why: str | None
) -> None:
    query = the_query_of(a_pack_of(version=needed))

    assert restriction(query, Host("linux", running)) == why


def test_a_shard_leaves_out_the_machines_above_it() -> None:
    query = the_query_of(a_pack_of(shard=25))

    assert [is_meant_for(query, Host("linux", shard=shard)) for shard in (0, 25, 26)] == [
        True,
        True,
        False,
    ]


def test_a_machine_keeps_its_shard() -> None:
    shards = {machine_shard(f"poste-{number}") for number in range(400)}

    assert machine_shard("poste-1") == machine_shard("poste-1")
    assert min(shards) >= 0
    assert max(shards) <= 100
    assert len(shards) > 50


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("T", True),
        ("no", False),
        (1, True),
        (0, False),
    ],
)
def test_a_boolean_is_read_as_osqueryd_reads_it(written: object, meant: bool) -> None:
    assert the_query_of(a_pack_of(snapshot=written)).snapshot is meant


def test_a_pack_carries_its_discovery_and_its_own_restrictions() -> None:
    text = json.dumps(
        {
            "discovery": ["SELECT 1 FROM users", 5, "SELECT 2"],
            "platform": "darwin",
            "version": "9.0",
            "shard": "10",
            "queries": {},
        }
    )

    pack = read_pack(text, name="macs")

    assert pack.discovery == ("SELECT 1 FROM users", "SELECT 2")
    assert not is_meant_for(pack, LINUX)
    assert restriction(pack, LINUX) == "needs osquery 9.0"
    assert pack.shard == 10


def a_configuration(**more: object) -> str:
    """A configuration of osqueryd with options, decorators and one scheduled query."""
    return json.dumps(
        {
            "options": {"host_identifier": "hostname"},
            "decorators": {"load": ["SELECT uuid FROM system_info"]},
            "schedule": {"fan_speed": {"query": "SELECT 1", "interval": "60"}},
            **more,
        }
    )


def test_a_configuration_gives_its_schedule_and_the_packs_inside_it() -> None:
    inside = {"platform": "darwin", "queries": {"dust": {"query": "SELECT 2"}}}

    text = a_configuration(platform="windows", packs={"fans": inside})
    main, fans = read_packs(text, name="osquery")

    assert is_meant_for(main, LINUX)  # osqueryd knows no platform of a whole configuration
    assert [query.topic for query in main.queries] == ["pack.osquery.fan_speed"]
    assert [query.topic for query in fans.queries] == ["pack.osquery.fans.dust"]
    assert fans.name == "osquery.fans"
    assert not is_meant_for(fans, LINUX)
    assert main.problems == fans.problems == ()


def test_several_packs_under_a_star_are_each_a_pack() -> None:
    inside = {"a": {"queries": {"q": {"query": "SELECT 1"}}}, "b": {"queries": {}}}

    packs = read_packs(a_configuration(packs={"*": inside}), name="osquery")

    assert [pack.name for pack in packs] == ["osquery", "osquery.a", "osquery.b"]


def test_a_pack_that_a_configuration_names_by_its_file_is_told() -> None:
    packs = {"fans": "/usr/share/osquery/packs/fans.conf", "*": "/etc/osquery/packs/*"}

    (main,) = read_packs(a_configuration(packs=packs), name="osquery")

    assert [query.name for query in main.queries] == ["fan_speed"]
    assert main.problems[0] == (
        "pack osquery: its pack fans is a file, '/usr/share/osquery/packs/fans.conf': "
        "put that file beside this one"
    )
    assert len(main.problems) == 2


def test_what_is_wrong_inside_a_configuration_costs_nothing_else() -> None:
    inside = {"bad": {"query": "SELECT 1", "interval": 0}, "good": {"query": "SELECT 2"}}

    _, fans = read_packs(a_configuration(packs={"fans": {"queries": inside}}), name="osquery")

    assert [query.name for query in fans.queries] == ["good"]
    assert fans.problems[0].startswith("pack osquery.fans, query bad (line 1): interval 0 is out")


@pytest.mark.parametrize("odd", [None, [], "x", 5, {"fans": None}, {"fans": [1]}, {"*": 5}])
def test_odd_packs_in_a_configuration_raise_nothing(odd: object) -> None:
    main, *others = read_packs(a_configuration(packs=odd), name="osquery")

    assert [query.name for query in main.queries] == ["fan_speed"]
    assert others == []


def test_a_pack_with_queries_is_one_pack_whatever_else_it_holds() -> None:
    text = json.dumps({"packs": {"x": {}}, "queries": {"q": {"query": "SELECT 1"}}})

    (pack,) = read_packs(text, name="fans")

    assert [query.name for query in pack.queries] == ["q"]


def test_an_empty_configuration_asks_nothing_and_is_told() -> None:
    (pack,) = read_packs("{}", name="empty")

    assert pack.problems == ('pack empty: it has no "queries" object, so it asks nothing',)


@pytest.mark.parametrize(
    "fields",
    [
        {"value": "Artifacts of this fan", "descriptor": "x", "tags": ["t"], "oncall": "ops"},
        {"blacklist": False, "removed": "false", "shard": "0", "version": 5, "platform": 7},
    ],
    ids=["keys for people", "values of other types"],
)
def test_keys_that_public_packs_add_do_not_hinder(fields: dict[str, object]) -> None:
    query = the_query_of(a_pack_of(**fields))

    assert restriction(query, LINUX) is None
    assert is_meant_for(query, LINUX)


def test_a_comment_that_ends_in_a_backslash_ends_with_its_line() -> None:
    text = '{\n// often \\\n"queries": {"q": {"query": "SELECT 1"}}}'

    assert [query.name for query in read_pack(text, name="odd").queries] == ["q"]


def test_continued_lines_keep_a_backslash_that_continues_nothing() -> None:
    text = '{"queries": {"q": {"query": "SELECT \'C:\\\\x\' \\\n , 2"}}}'

    assert read_pack(text, name="odd").queries[0].sql == "SELECT 'C:\\x'  , 2"
