"""The pages of metrics: in which format, how encoded, of which sites, and for whom."""

import zlib

import pytest

from fakes.fleet_in_memory import a_client, bearer
from metric_pages import samples_of
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.fleet_pages import FleetPages
from vigie_server.ports.scraping import TextFormat
from vigie_server.web.negotiation import CONTENT_TYPES, takes_gzip, text_format

OWN, FLEET = "vigie_ingest_reports_total", "vigie_device_compliant"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", TextFormat.CLASSIC),
        ("*/*", TextFormat.CLASSIC),
        ("text/html, */*;q=0.8", TextFormat.CLASSIC),
        (PROMETHEUS_2, TextFormat.OPENMETRICS),
        (PROMETHEUS_3, TextFormat.OPENMETRICS),
        ("application/openmetrics-text", TextFormat.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0; q=0.2", TextFormat.OPENMETRICS),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", TextFormat.CLASSIC),
        ("application/openmetrics-text;q=0", TextFormat.CLASSIC),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", TextFormat.CLASSIC),
        ("application/openmetrics-text;q=much", TextFormat.CLASSIC),
        (";;,,=;q", TextFormat.CLASSIC),
    ],
)
def test_the_format_is_the_one_that_is_wanted_most(accept: str, wanted: TextFormat) -> None:
    assert text_format(accept) is wanted


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("br, *;q=0", False),
    ],
)
def test_gzip_is_for_who_says_so(accept_encoding: str, *, taken: bool) -> None:
    assert takes_gzip(accept_encoding) is taken


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize(("accept", "wanted"), [("", "classic"), (PROMETHEUS_2, "openmetrics")])
@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("/metrics", (True, True)),
        ("/metrics/fleet", (False, True)),
        ("/metrics/server", (True, False)),
    ],
)
def test_a_page_holds_what_it_is_asked_for_in_one_piece(
    path: str, holds: tuple[bool, bool], accept: str, wanted: str, encoding: str
) -> None:
    headers = {**bearer("scrape"), "Accept": accept, "Accept-Encoding": encoding}

    with a_client().stream("GET", path, headers=headers) as answer:
        body = b"".join(answer.iter_raw())

    if encoding == "gzip":
        reading = zlib.decompressobj(16 + zlib.MAX_WBITS)
        body = reading.decompress(body)
        assert (reading.eof, reading.unused_data) == (True, b"")
    found = {name for name, _ in samples_of(body.decode(), TextFormat(wanted))}
    assert (OWN in found, FLEET in found) == holds
    assert answer.headers["content-type"] == CONTENT_TYPES[TextFormat(wanted)]
    assert answer.headers.get("content-encoding", "identity") == encoding
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert body.endswith(b"\n# EOF\n") is (wanted == "openmetrics")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/fleet"])
def test_a_token_of_some_sites_sees_these_and_nothing_of_the_server(path: str) -> None:
    client = a_client()

    found = samples_of(client.get(path, headers=bearer("scrape-here")).text)

    assert {dict(labels)["site"] for _, labels in found} == {"les-lilas"}
    assert client.get("/metrics/server", headers=bearer("scrape-here")).status_code == 403


@pytest.mark.parametrize("path", ["/metrics", "/metrics/fleet"])
def test_sites_are_picked_within_the_scope(path: str) -> None:
    client = a_client()
    both = f"{path}?site=les-lilas&site=les-tilleuls"

    def sites(asked: str, secret: str) -> set[str] | int:
        answer = client.get(asked, headers=bearer(secret))
        if answer.status_code != 200:
            return answer.status_code
        return {dict(labels).get("site", "") for _, labels in samples_of(answer.text)} - {""}

    assert sites(f"{path}?site=les-tilleuls", "scrape") == {"les-tilleuls"}
    assert sites(both, "scrape") == {"les-lilas", "les-tilleuls"}
    assert sites(f"{path}?site=vide", "scrape") == set()
    assert sites(f"{path}?site=les-lilas", "scrape-here") == {"les-lilas"}
    assert sites(f"{path}?site=les-tilleuls", "scrape-here") == 404
    assert sites(both, "scrape-here") == 404
    assert sites(f"{path}?site=les-lylas", "scrape") == 404


def test_a_fleet_that_is_not_read_yet_is_no_page_and_the_server_is() -> None:
    client = a_client(pages=FleetPages(DeviceLines(measures={}), ()))

    answers = {
        path: client.get(path, headers=bearer("scrape"))
        for path in ("/metrics", "/metrics/fleet", "/metrics/server")
    }

    assert [answer.status_code for answer in answers.values()] == [503, 503, 200]
    assert int(answers["/metrics"].headers["retry-after"]) > 0
    assert answers["/metrics"].headers["content-type"] == "application/problem+json"


def test_a_contractor_has_no_metrics() -> None:
    client = a_client()

    assert client.get("/metrics/fleet", headers=bearer("scoped")).status_code == 403


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            "/metrics?sites=les-lilas",
            "/metrics does not take `sites`: did you mean `site`? (it takes `site`)",
        ),
        (
            "/metrics/fleet?site=les-lilas&depuis=1&jusqua=2&depuis=3",
            "/metrics/fleet does not take `depuis`, `jusqua` (it takes `site`)",
        ),
        (
            "/metrics/server?site=les-lilas",
            "/metrics/server does not take `site` (it takes no parameters)",
        ),
    ],
)
def test_a_parameter_that_a_page_does_not_take_is_refused(asked: str, told: str) -> None:
    answer = a_client().get(asked, headers=bearer("scrape"))

    assert (answer.status_code, answer.json()["detail"]) == (400, told)


def test_who_may_not_scrape_is_told_so_before_what_is_wrong_with_the_parameters() -> None:
    client = a_client()

    assert client.get("/metrics?sites=les-lilas").status_code == 401
    assert client.get("/metrics?sites=les-lilas", headers=bearer("scoped")).status_code == 403
