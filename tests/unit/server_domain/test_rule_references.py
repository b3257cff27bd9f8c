"""Which reference data a rule uses is told from what its parameters hold."""

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.rule_references import estimated, used_by


def test_a_rule_uses_what_its_parameters_name() -> None:
    catalogue = bundled_catalogue()
    used = {
        rule.id: [one.name for one in used_by(rule, catalogue.references.values())]
        for rule in catalogue.rules.values()
    }

    assert used["Q03-os-supported"] == ["os_support"]
    assert used["Q06-firewall-enabled"] == []
    of_devices = {name for names in used.values() for name in names}
    assert set(catalogue.references) - of_devices == {"watched_products"}  # a site's rule has it


def test_what_is_estimated_is_an_end_that_no_vendor_has_published() -> None:
    references = bundled_catalogue().references

    ends = estimated(references["os_support"])

    assert ends
    assert all(end.estimated for end in ends)
    assert estimated(references["vpn_clients"]) == ()
