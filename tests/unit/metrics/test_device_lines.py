"""The fleet's lines, read back with prometheus-client's own parser."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from metric_pages import Labels, samples_of, site_page, text_of
from vigie_server.domain.conditions_reader import TAKEN_METRICS
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.views import DeviceView, StandingVerdict
from vigie_server.metrics import families
from vigie_server.metrics.device_lines import DeviceLines
from vigie_server.metrics.site_attestations import AttestationLines
from vigie_server.ports.scraping import TextFormat

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANTIVIRUS = "vigie_device_antivirus_signature_timestamp_seconds"


def standing(
    status: Status,
    *,
    severity: Severity = Severity.CRITICAL,
    failing_since: datetime | None = None,
    waived: bool = False,
) -> StandingVerdict:
    return StandingVerdict(status, severity, failing_since, waived)


def a_view(
    device_id: str = "d1", *, state: DeviceState = DeviceState.ACTIVE, **rules: StandingVerdict
) -> DeviceView:
    device = Device(
        id=device_id,
        site="les-lilas",
        profile="standard",
        platform="linux",
        state=state,
        hostname="accueil-01",
        last_report_at=NOW,
    )
    return DeviceView(device, {name.replace("_", "-"): rule for name, rule in rules.items()}, {})


def page(lines: DeviceLines, text_format: TextFormat = TextFormat.CLASSIC) -> str:
    return text_of(lines.gather(), text_format)


def samples(lines: DeviceLines) -> Mapping[tuple[str, Labels], float]:
    return samples_of(page(lines))


def value(lines: DeviceLines, name: str, **labels: str) -> float | None:
    return samples(lines).get((name, tuple(sorted(labels.items()))))


def test_a_device_shows_its_rules_its_score_and_its_last_report() -> None:
    lines = DeviceLines(measures={})

    lines.put(a_view(Q06=standing(Status.PASS), Q04=standing(Status.FAIL, failing_since=NOW)))

    labels = {"device": "d1", "site": "les-lilas"}
    assert value(lines, "vigie_device_rule_compliant", rule="Q06", **labels) == 1
    assert value(lines, "vigie_device_rule_compliant", rule="Q04", **labels) == 0
    assert value(lines, "vigie_device_compliant", **labels) == 0
    assert value(lines, "vigie_device_compliance_ratio", **labels) == 0.5
    assert value(lines, "vigie_device_rules", status="fail", **labels) == 1
    assert value(lines, "vigie_device_last_report_timestamp_seconds", **labels) == NOW.timestamp()


def test_silence_does_not_resolve_a_failing_rule() -> None:
    lines = DeviceLines(measures={})

    lines.put(a_view(Q04=standing(Status.UNKNOWN, failing_since=NOW)))

    labels = {"device": "d1", "site": "les-lilas", "rule": "Q04"}
    assert value(lines, "vigie_device_rule_compliant", **labels) is None
    assert (
        value(lines, "vigie_device_rule_failing_since_timestamp_seconds", **labels)
        == NOW.timestamp()
    )


def test_a_waived_rule_no_longer_counts_as_failing_since() -> None:
    lines = DeviceLines(measures={})

    lines.put(a_view(Q04=standing(Status.FAIL, failing_since=NOW, waived=True)))

    labels = {"device": "d1", "site": "les-lilas"}
    assert value(lines, "vigie_device_compliant", **labels) == 1
    assert value(lines, "vigie_device_rules", status="waived", **labels) == 1
    assert not [key for key in samples(lines) if "failing_since" in key[0]]


def test_a_device_without_any_verdict_is_not_called_compliant() -> None:
    lines = DeviceLines(measures={})

    lines.put(a_view())

    assert not [key for key in samples(lines) if key[0].startswith("vigie_device_complian")]


def test_a_retired_device_leaves_no_series_and_no_count() -> None:
    lines = DeviceLines(measures={})
    lines.put(a_view(Q06=standing(Status.PASS)))
    assert samples(lines)

    lines.put(a_view(state=DeviceState.RETIRED, Q06=standing(Status.PASS)))

    assert samples(lines) == {}


def test_a_site_counts_its_devices_by_state_and_by_rule() -> None:
    lines = DeviceLines(measures={})
    lines.put(a_view("d1", Q06=standing(Status.PASS)))
    lines.put(a_view("d2", Q06=standing(Status.PASS)))
    assert value(lines, "vigie_site_devices", site="les-lilas", state="active") == 2

    lines.put(a_view("d2", Q06=standing(Status.FAIL)))

    assert value(lines, "vigie_site_rule_devices", site="les-lilas", rule="Q06", status="pass") == 1
    assert value(lines, "vigie_site_rule_devices", site="les-lilas", rule="Q06", status="fail") == 1


def test_a_site_counts_its_revoked_devices_while_it_has_some() -> None:
    lines = DeviceLines(measures={})
    here = {"site": "les-lilas"}
    view = a_view("d1", Q06=standing(Status.PASS))
    revoked = replace(view, device=replace(view.device, revoked=True))
    name = "vigie_site_revoked_devices"
    lines.put(view)
    assert name not in {family for family, _ in samples(lines)}

    lines.put(revoked)
    lines.put(replace(revoked, device=replace(revoked.device, id="d2")))
    assert value(lines, name, **here) == 2
    assert value(lines, "vigie_site_devices", state="active", **here) == 2

    lines.put(replace(view, device=replace(view.device, state=DeviceState.RETIRED)))
    assert value(lines, name, **here) == 1

    lines.remove("d2")
    assert name not in {family for family, _ in samples(lines)}


def test_a_heartbeat_moves_the_last_report_and_nothing_else() -> None:
    lines = DeviceLines(measures={})
    lines.put(a_view(Q06=standing(Status.PASS)))
    before = samples(lines)

    lines.seen("d1", NOW + timedelta(minutes=1))

    changed = {key for key, sample in samples(lines).items() if before[key] != sample}
    assert {name for name, _ in changed} == {"vigie_device_last_report_timestamp_seconds"}


def test_no_rule_can_export_a_metric_that_the_server_tells_of_devices() -> None:
    told = {family.name for family in families.DEVICE_FAMILIES}

    assert told == TAKEN_METRICS


def test_a_measure_is_shown_under_the_help_its_rule_gives() -> None:
    lines = DeviceLines(measures={ANTIVIRUS: "Build time of the signature set."})
    view = a_view(Q04=standing(Status.PASS))

    lines.put(DeviceView(view.device, view.verdicts, {ANTIVIRUS: 1_795_000_000.0, "other": 1.0}))

    assert value(lines, ANTIVIRUS, device="d1", site="les-lilas") == 1_795_000_000
    assert "# HELP " + ANTIVIRUS + " Build time of the signature set.\n" in page(lines)
    assert not [key for key in samples(lines) if key[0] == "other"]


def test_a_large_fleet_shows_failing_rules_only_and_a_smaller_one_all_again() -> None:
    lines = DeviceLines(measures={}, failing_rules_only_above=1)
    lines.put(a_view("d1", Q06=standing(Status.PASS)))
    lines.put(a_view("d2", Q06=standing(Status.FAIL)))
    labels = {"site": "les-lilas", "rule": "Q06"}
    assert value(lines, "vigie_device_rule_compliant", device="d1", **labels) is None
    assert value(lines, "vigie_device_rule_compliant", device="d2", **labels) == 0

    lines.remove("d2")

    assert value(lines, "vigie_device_rule_compliant", device="d1", **labels) == 1


def test_device_text_cannot_break_out_of_its_label() -> None:
    lines = DeviceLines(measures={})
    nasty = 'x"} 1\nvigie_device_compliant{device="d1\\'
    view = a_view(Q06=standing(Status.FAIL))
    hostile = Device(
        id="d1",
        site="les-lilas",
        profile="standard",
        platform="linux",
        state=DeviceState.ACTIVE,
        hostname=nasty,
        os="\udcff\u202e",
    )

    lines.put(DeviceView(hostile, view.verdicts, {}))

    (shown,) = [key for key in samples(lines) if key[0] == "vigie_device_info"]
    assert dict(shown[1])["hostname"] == nasty.replace("\n", "\ufffd")
    assert dict(shown[1])["os"] == "\ufffd\ufffd"
    assert value(lines, "vigie_device_compliant", device="d1", site="les-lilas") == 0


def test_a_new_device_is_left_alone_by_alerts_until_its_grace_ends_by_itself() -> None:
    clock = [NOW]
    lines = DeviceLines(measures={}, grace=timedelta(days=3), now=lambda: clock[0])
    view = a_view(Q04=standing(Status.FAIL, failing_since=NOW))
    enrolled = replace(view, device=replace(view.device, enrolled_at=NOW - timedelta(days=1)))
    name = "vigie_device_rule_failing_since_timestamp_seconds"
    labels = {"device": "d1", "site": "les-lilas", "rule": "Q04"}

    lines.put(enrolled)
    during = value(lines, name, **labels), value(lines, "vigie_device_rule_compliant", **labels)
    clock[0] = NOW + timedelta(days=2) - timedelta(seconds=1)
    lines.put(enrolled)
    late = value(lines, name, **labels)
    clock[0] = NOW + timedelta(days=2)
    after = value(lines, name, **labels)

    assert during == (None, 0)
    assert late is None
    assert after == NOW.timestamp()


def test_a_grace_that_ends_after_the_device_is_gone_shows_nothing() -> None:
    clock = [NOW]
    lines = DeviceLines(measures={}, grace=timedelta(days=3), now=lambda: clock[0])
    view = a_view(Q04=standing(Status.FAIL, failing_since=NOW))
    lines.put(replace(view, device=replace(view.device, enrolled_at=NOW)))
    assert samples(lines)

    lines.remove("d1")
    clock[0] = NOW + timedelta(days=9)

    assert samples(lines) == {}


def test_a_waived_fail_counts_in_the_ratio_and_not_against_compliance() -> None:
    lines = DeviceLines(measures={})
    lines.put(a_view(Q04=standing(Status.FAIL, waived=True), Q06=standing(Status.PASS)))
    labels = {"device": "d1", "site": "les-lilas"}

    assert value(lines, "vigie_device_compliance_ratio", **labels) == 0.5
    assert value(lines, "vigie_device_compliant", **labels) == 1
    assert value(lines, "vigie_device_rules", status="waived", **labels) == 1
    assert value(lines, "vigie_device_rules", status="fail", **labels) == 0


def test_expiries_of_attestations_are_replaced_site_by_site() -> None:
    lines = AttestationLines()
    lines.put('le "Clos"', {"Q02-restore-test": NOW, "Q01-help-desk": NOW + timedelta(days=1)})
    lines.put("les-lilas", {"Q02-restore-test": NOW})
    lines.put("les-lilas", {})

    (family,) = text_string_to_metric_families(site_page(lines))

    assert family.name == "vigie_site_attestation_expiry_timestamp_seconds"
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"site": 'le "Clos"', "item": "Q01-help-desk"}, NOW.timestamp() + 86400),
        ({"site": 'le "Clos"', "item": "Q02-restore-test"}, NOW.timestamp()),
    ]
    assert site_page(AttestationLines()) == ""
