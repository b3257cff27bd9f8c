"""Q07-spf, over records good, broken and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.zone import Zone, zone_of
from vigie_server.domain.mail.dns import Kind, Outcome
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.mail.spf import spf
from vigie_server.domain.mail.spf_record import SpfMalformed, read_spf
from vigie_server.domain.verdicts import Status

D = "tilleuls.example"


def judged(zone: Zone) -> Finding:
    return zone.decide(lambda known: spf(D, known))


def judged_record(*records: str, **others: str) -> Finding:
    names = {name.replace("_", ".") + ".example": record for name, record in others.items()}
    return judged(zone_of({D: records, **names}))


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -all",
        "v=spf1 ~all",
        "V=SPF1 MX -ALL",
        "v=spf1  ip4:192.0.2.0/24   a mx  -all ",
        "v=spf1 a:mail.example.org/24//64 mx/28 mx//64 ip6:2001:db8::/32 -all",
        "v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all",
        "v=spf1 ptr ptr:example.org ?include:other.example -all",
        "v=spf1 exp=why.example.org x-vendor=%{l} -all",
        "v=spf1 -all +all",
    ],
)
def test_a_record_that_refuses_strangers_passes(record: str) -> None:
    found = judged_record(record, other="v=spf1 ip4:192.0.2.1 -all")

    assert found.status is Status.PASS, found.reason
    assert D in found.reason["fr"]
    assert found.detail[0]["record"] == record


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("v=spf1 +all", "+all"),
        ("v=spf1 all", "(all)"),
        ("v=spf1 ip4:0.0.0.0/0 -all", "0.0.0.0/0"),
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", "0.0.0.0/1"),
        ("v=spf1 ip6:::/0 -all", "::/0"),
        ("v=spf1 a/0 -all", "a/0"),
    ],
)
def test_a_record_that_lets_anybody_send_fails_and_names_the_term(record: str, told: str) -> None:
    found = judged_record(record)

    assert found.status is Status.FAIL
    assert told in found.reason["en"]


@pytest.mark.parametrize("record", ["v=spf1 ?all", "v=spf1", "v=spf1 mx", "v=spf1 a ?all -all"])
def test_a_record_that_says_nothing_of_strangers_fails(record: str) -> None:
    found = judged_record(record)

    assert found.status is Status.FAIL
    assert "-all" in found.reason["fr"]


@pytest.mark.parametrize(
    ("record", "term"),
    [
        ("v=spf1 foo -all", "foo"),
        ("v=spf1 include: -all", "include:"),
        ("v=spf1 include:localhost -all", "include:localhost"),
        ("v=spf1 ip4:192.0.2.256 -all", "ip4:192.0.2.256"),
        ("v=spf1 ip4:192.0.2.0/33 -all", "ip4:192.0.2.0/33"),
        ("v=spf1 ip6:2001:db8::/129 -all", "ip6:2001:db8::/129"),
        ("v=spf1 ip6:fe80::1%eth0 -all", "ip6:fe80::1%eth0"),
        ("v=spf1 mx/33 -all", "mx/33"),
        ("v=spf1 a: -all", "a:"),
        ("v=spf1 redirect=a.example redirect=b.example", "redirect=b.example"),
        ("v=spf1 exists:%{z}.example -all", "exists:%{z}.example"),
        ("v=spf1 -all:x", "-all:x"),
        ("v=spf1 àll", "àll"),
        ("v=spf1 ip4:192.0.2.1, -all", "ip4:192.0.2.1,"),
    ],
)
def test_a_malformed_record_fails_and_names_the_term(record: str, term: str) -> None:
    found = judged_record(record)

    assert found.status is Status.FAIL
    assert f"“{term}”" in found.reason["en"]


def test_no_record_fails_and_other_texts_are_passed_over() -> None:
    assert judged(Zone()).status is Status.FAIL
    found = judged_record("google-site-verification=x", "v=spf10 -all", "spf1 -all", "v=spf1-all")
    assert found.status is Status.FAIL
    assert "no SPF record" in found.reason["en"]


def test_two_records_fail_even_when_each_is_good() -> None:
    found = judged_record("v=spf1 -all", "v=spf1 ~all")

    assert found.status is Status.FAIL
    assert "2" in found.reason["fr"]


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.FAILED])
def test_what_dns_did_not_answer_is_unknown_wherever_it_stands(outcome: Outcome) -> None:
    own = Zone().trouble(D, Kind.TXT, outcome)
    below = zone_of({D: "v=spf1 include:a.example -all"}).trouble("a.example", Kind.TXT, outcome)

    assert judged(own).status is Status.UNKNOWN
    found = judged(below)
    assert found.status is Status.UNKNOWN
    assert "a.example" in found.reason["fr"]


def test_a_redirect_answers_for_the_domain() -> None:
    strict = judged_record("v=spf1 redirect=a.example", a="v=spf1 -all")
    open_ = judged_record("v=spf1 redirect=a.example", a="v=spf1 +all")
    ignored = judged_record("v=spf1 redirect=a.example ?all", a="v=spf1 -all")

    assert [strict.status, open_.status, ignored.status] == [Status.PASS, Status.FAIL, Status.FAIL]


def test_an_include_that_lets_strangers_in_lets_them_in_here() -> None:
    found = judged_record(
        "v=spf1 include:a.example -all", a="v=spf1 include:b.example", b="v=spf1 +all"
    )

    assert found.status is Status.FAIL
    assert "+all" in found.reason["en"]


def test_an_include_that_strangers_do_not_match_decides_nothing() -> None:
    for inner in ("-all", "~all", "?all", ""):
        found = judged_record("v=spf1 include:a.example -all", a=f"v=spf1 mx {inner}")
        assert found.status is Status.PASS, inner


@pytest.mark.parametrize("term", ["include:a.example", "redirect=a.example"])
def test_what_refers_to_a_name_without_a_record_fails_as_a_whole(term: str) -> None:
    found = judged_record(f"v=spf1 {term}")

    assert found.status is Status.FAIL
    assert "a.example" in found.reason["fr"]
    assert term in found.reason["fr"]


def test_a_loop_fails_and_is_asked_for_once() -> None:
    zone = zone_of(
        {
            D: "v=spf1 include:a.example -all",
            "a.example": "v=spf1 include:B.example. -all",
            "b.example": f"v=spf1 redirect={D.upper()}",
        }
    )

    found = judged(zone)

    assert found.status is Status.FAIL
    assert "circles" in found.reason["en"]
    assert len(zone.asked) == 3


def test_ten_look_ups_pass_and_eleven_fail() -> None:
    ten = " ".join(f"a:h{number}.example" for number in range(9))
    assert judged_record(f"v=spf1 {ten} mx -all").status is Status.PASS
    found = judged_record(f"v=spf1 {ten} mx exists:%{{i}}.x.example -all")
    assert found.status is Status.FAIL
    assert "10" in found.reason["fr"]


def test_look_ups_of_included_records_count() -> None:
    six = " ".join(f"a:h{number}.example" for number in range(6))
    record = "v=spf1 include:a.example include:b.example -all"

    found = judged_record(record, a=f"v=spf1 {six} ~all", b=f"v=spf1 {six} ~all")

    assert found.status is Status.FAIL


def test_a_tree_of_includes_is_left_after_eleven_names() -> None:
    zone = zone_of({D: "v=spf1 include:n0.example -all"})
    for number in range(300):
        zone.txt(f"n{number}.example", f"v=spf1 include:n{number + 1}.example -all")

    found = judged(zone)

    assert found.status is Status.FAIL
    assert len(zone.asked) <= 11


def test_a_redirect_that_depends_on_the_sender_is_unknown() -> None:
    assert judged_record("v=spf1 redirect=%{o}.example").status is Status.UNKNOWN


def test_a_huge_record_fails_and_is_kept_cut() -> None:
    found = judged_record("v=spf1 " + "ip4:192.0.2.1 " * 4000 + "-all")

    assert found.status is Status.FAIL
    assert len(found.detail[0]["record"]) <= 2000


def test_control_characters_of_a_record_are_not_shown() -> None:
    found = judged_record("v=spf1 \x1b[31mred -all")

    assert found.status is Status.FAIL
    assert all(text.isprintable() for text in (*found.reason.values(), found.detail[0]["record"]))


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    record = "v=spf1 " + text

    try:
        read_spf(record)
    except SpfMalformed:
        assert judged_record(record).status is not Status.PASS
    else:
        judged_record(record)


@given(
    st.lists(
        st.sampled_from(
            ["include:a.example", "include:b.example", "mx", "-all", "redirect=a.example"]
        ),
        max_size=12,
    )
)
def test_whatever_terms_are_combined_a_decision_is_reached(terms: list[str]) -> None:
    record = "v=spf1 " + " ".join(terms)
    zone = zone_of({D: record, "a.example": record, "b.example": "v=spf1 include:a.example ~all"})

    judged(zone)

    assert len(zone.asked) <= 11
