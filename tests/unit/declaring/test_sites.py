"""Sites as people declare them: what is taken, in which form, and what a refusal says."""

from pathlib import Path

import pytest

from vigie_server.bundled import regions_file
from vigie_server.domain.errors import DeclarationRefused, RulesMalformed
from vigie_server.domain.finess import finess
from vigie_server.domain.regions import load_regions, region
from vigie_server.domain.sites import Contact, Site, checked, hardware_address

REGIONS = load_regions(regions_file())


@pytest.mark.parametrize(
    "number", ["970408589", "970211207", "2A0000014", "2B0000020", " 97 040 858 9", "2a0000014"]
)
def test_a_finess_number_whose_check_digit_fits_is_taken(number: str) -> None:
    assert finess(number) == number.replace(" ", "").upper()


@pytest.mark.parametrize("number", ["970408588", "970408859", "2A0000024", "2B0000014"])
def test_a_mistyped_finess_number_is_told_by_its_check_digit(number: str) -> None:
    with pytest.raises(ValueError, match="last digit does not fit"):
        finess(number)


@pytest.mark.parametrize("number", ["", "97040858", "9704085890", "2C0000014", "A20000014"])
def test_what_has_not_the_form_of_a_finess_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="nine digits"):
        finess(number)


def test_every_region_of_france_is_known_by_code_and_by_name() -> None:
    assert len(REGIONS) == 18
    assert region("93", REGIONS) == "93"
    assert region("provence alpes cote d'azur", REGIONS) == "93"
    assert region("Île-de-France", REGIONS) == region("ile de france", REGIONS) == "11"
    assert region("  ", REGIONS) == ""


def test_an_unknown_region_is_told_with_the_one_that_was_probably_meant() -> None:
    with pytest.raises(ValueError, match="did you mean `Bretagne`"):
        region("Bretange", REGIONS)


def test_a_list_of_regions_that_is_another_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "regions.yaml"
    path.write_text("list: towns\nsource: x\nrecorded: y\nregions: {}\n")

    with pytest.raises(RulesMalformed, match=r"regions\.yaml:1"):
        load_regions(path)


def test_a_site_is_kept_in_one_form() -> None:
    site = checked(
        Site(
            name="  Les   Tilleuls ",
            body="Association du Val",
            region="Occitanie",
            finess="97 0408 589",
            networks=("192.168.1.0/24", "2001:DB8:1::/48", "192.168.1.0/24"),
            gateways=("00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e"),
            declared_devices=40,
            contacts=(Contact("Accueil", email="accueil@example.org"),),
        ),
        REGIONS,
    )

    assert site == Site(
        name="Les Tilleuls",
        body="Association du Val",
        region="76",
        finess="970408589",
        networks=("192.168.1.0/24", "2001:db8:1::/48"),
        gateways=("00:1a:2b:3c:4d:5e",),
        declared_devices=40,
        contacts=(Contact("Accueil", email="accueil@example.org"),),
    )


@pytest.mark.parametrize(
    ("site", "told"),
    [
        (Site("a/b"), "no `/`"),
        (Site(" "), "1 to 200"),
        (Site("x", networks=("192.168.1.7/24",)), "192.168.1.0/24"),
        (Site("x", networks=("réseau",)), "a network is written"),
        (Site("x", gateways=("00:1a:2b",)), "a hardware address is written"),
        (Site("x", gateways=("ff:ff:ff:ff:ff:ff",)), "group address"),
        (Site("x", gateways=("00:00:00:00:00:00",)), "zeros"),
        (Site("x", declared_devices=-1), "number of devices"),
        (Site("x", contacts=(Contact("Direction"),)), "e-mail address or a telephone"),
        (Site("x", contacts=(Contact("Direction", email="direction"),)), "not an e-mail"),
        (Site("x", contacts=(Contact("Direction", phone="appeler"),)), "not a telephone"),
        (Site("x", finess="123456789"), "FINESS number '123456789'"),
        (Site("x", region="Atlantide"), "region 'Atlantide'"),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_what_to_do(site: Site, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        checked(site, REGIONS)


def test_hardware_addresses_are_read_as_people_write_them() -> None:
    written = ("00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "001A.2B3C.4D5E", "001a2b3c4d5e")

    assert {hardware_address(text) for text in written} == {"00:1a:2b:3c:4d:5e"}
