from datetime import timedelta
from pathlib import Path

import pytest

from vigie_server.bootstrap.lists import list_terms
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.settings import advertised, port_of, read_settings
from vigie_server.web.short_ways import ListTerms


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_SERVER_DATA", "/srv/vigie")
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org, 192.0.2.7")
    monkeypatch.setenv("VIGIE_SERVER_LIMITS__MAX_IN_FLIGHT", "32")
    monkeypatch.setenv("VIGIE_SERVER_SESSIONS__HEARTBEAT", "90")

    settings = read_settings()

    assert settings.data == Path("/srv/vigie")
    assert settings.own_names == ("vigie.example.org", "192.0.2.7")
    assert settings.limits.max_in_flight == 32
    assert settings.sessions.heartbeat == timedelta(seconds=90)


@pytest.mark.parametrize(
    "name", ["VIGIE_SERVER_DATAA", "VIGIE_SERVER_LIMITS__MAX_ROWS", "VIGIE_SERVER_STOREURL"]
)
def test_a_setting_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")

    with pytest.raises(SettingsMalformed, match=f"{name}: there is no such setting"):
        read_settings()


@pytest.mark.parametrize("names", ['["vigie.example.org"]', "https://vigie.example.org", "a b"])
def test_names_that_no_device_could_call_are_refused(
    monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_NAMES", names)

    with pytest.raises(
        SettingsMalformed, match=r"NAMES: each is a name such as vigie\.example\.org"
    ):
        read_settings()


def test_names_and_addresses_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org, 192.0.2.1,2001:db8::1")

    assert read_settings().names == ("vigie.example.org", "192.0.2.1", "2001:db8::1")


def test_a_wrong_value_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_SERVER_LIMITS__MAX_IN_FLIGHT", "s3cr3t")

    with pytest.raises(SettingsMalformed, match="LIMITS__MAX_IN_FLIGHT") as refused:
        read_settings()

    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SESSIONS__HELD", "many", "a whole number is wanted, or auto"),
        ("SESSIONS__HELD", "1.5", "a whole number is wanted, or auto"),
        ("SESSIONS__HELD", "-1", "greater than or equal to 0"),
        ("SESSIONS__VISITORS", "auto", "a whole number is wanted"),
        ("SESSIONS__VISIT", "5 minutes", "seconds as a number, or ISO 8601 as PT15M"),
        ("STORE__CAPACITY", "many", "bytes as a number, or 64MiB"),
        ("JUDGE__MEMORY", "32MX", "bytes as a number, or 64MiB"),
        ("MATURITY__SHARE", "95%", "a number is wanted"),
        ("HTTP__PLAIN", "maybe", "true or false is wanted"),
        ("OIDC__USERINFO", "some", "'auto', 'always' or 'never'"),
    ],
)
def test_a_value_that_is_not_taken_is_answered_by_those_that_are(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"VIGIE_SERVER_{name}", value)

    with pytest.raises(SettingsMalformed, match=f"VIGIE_SERVER_{name}: .*{told}"):
        read_settings()


@pytest.mark.parametrize(("value", "held"), [("auto", None), ("0", 0), ("120", 120)])
def test_how_many_devices_stay_is_a_number_or_left_to_the_server(
    monkeypatch: pytest.MonkeyPatch, value: str, held: int | None
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_SESSIONS__HELD", value)

    assert read_settings().sessions.held == held


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION__TRANSITIONS", "3"),
        ("RETENTION__AUDIT", "0"),
        ("RETENTION__EVIDENCE", "-P1D"),
        ("RETENTION__EVERY", "0"),
        ("STORE__GATHER", "50"),
        ("STORE__GATHER_GREETINGS", "100"),
        ("SWEEP__EVERY", "0"),
        ("SWEEP__VIEWS_EVERY", "-PT1S"),
        ("MATURITY__EVERY", "0"),
    ],
)
def test_a_span_that_would_erase_history_or_stop_the_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"VIGIE_SERVER_{name}", value)

    with pytest.raises(SettingsMalformed, match=name):
        read_settings()


def test_lists_are_not_answered_by_more_threads_than_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_LISTS__THREADS", "5")

    with pytest.raises(SettingsMalformed, match=r"LISTS: .*threads_most is less than threads"):
        read_settings()

    monkeypatch.setenv("VIGIE_SERVER_LISTS__THREADS_MOST", "5")
    assert list_terms(read_settings().lists).threads_most == 5


def test_lists_are_answered_by_default_as_where_nothing_is_set() -> None:
    assert list_terms(read_settings().lists) == ListTerms()


def test_devices_are_told_every_name_unless_something_else_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org,2001:db8::7")
    monkeypatch.setenv("VIGIE_SERVER_ADVERTISED__ENROLMENT", '["relay.example.org:443"]')

    endpoints = advertised(read_settings(), telemetry_port=8443, enrolment_port=8444)

    assert endpoints.telemetry == ("vigie.example.org:8443", "[2001:db8::7]:8443")
    assert endpoints.enrolment == ("relay.example.org:443",)


@pytest.mark.parametrize("address", ["[::]:8443", "0.0.0.0:8443", ":8443", "localhost:8443"])
def test_an_address_to_listen_on_is_a_host_and_a_port(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_LISTEN__HTTP", address)

    assert port_of(read_settings().listen.http) == 8443


@pytest.mark.parametrize(
    "address", ["localhost", "8443", "127.0.0.1:x", "127.0.0.1:65536", "::1:1"]
)
@pytest.mark.parametrize("name", ["TELEMETRY", "ENROLMENT", "HTTP"])
def test_an_address_without_a_port_that_there_is_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    monkeypatch.setenv(f"VIGIE_SERVER_LISTEN__{name}", address)

    with pytest.raises(SettingsMalformed, match=f"LISTEN__{name}: host:port is wanted"):
        read_settings()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ISSUER": "http://sso.example.org"}, "OIDC__ISSUER"),
        ({"ISSUER": "https://sso.example.org"}, "OIDC__CLIENT_ID is missing"),
        ({"SCOPES": "profile"}, "contain openid"),
        ({"INVITED_BY": "email"}, "cannot be email"),
        ({"ONLY": "true"}, "OIDC__BREAK_GLASS"),
        ({"GRANTS": '[{"claim": "g", "value": "v", "role": "root"}]'}, "OIDC__GRANTS"),
        (
            {
                "GRANTS": '[{"claim": "g", "value": "v", "role": "admin", "sites": ["A"],'
                ' "sites_claim": "s"}]'
            },
            "not both",
        ),
    ],
    ids=str,
)
def test_a_provider_that_is_half_set_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], told: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"VIGIE_SERVER_OIDC__{name}", value)

    with pytest.raises(SettingsMalformed, match=told):
        read_settings()


def test_a_provider_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_SERVER_OIDC__ISSUER", "https://sso.example.org/realms/soins")
    monkeypatch.setenv("VIGIE_SERVER_OIDC__CLIENT_ID", "vigie")
    monkeypatch.setenv(
        "VIGIE_SERVER_OIDC__GRANTS",
        '[{"claim": "realm_access.roles", "value": "vigie-admin", "role": "admin"}]',
    )

    given = read_settings().oidc

    assert given.issuer == "https://sso.example.org/realms/soins"
    assert [(one.claim, one.sites) for one in given.grants] == [("realm_access.roles", ())]
