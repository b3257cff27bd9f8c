"""Levels and actions as people read them."""

from vigie_server.domain.maturity import Action, Assessment, Need
from vigie_server.domain.maturity_words import action_words, held_by

TITLES = {
    "Q09-disk-encrypted": {"fr": "Disque chiffré", "en": "Disk encrypted"},
    "Q02-restore-test": {"fr": "Essai de restauration", "en": "Restore test"},
}


def test_an_action_on_devices_says_how_many_and_names_some() -> None:
    action = Action(Need.MEND, "Q09-disk-encrypted", 4, tuple(f"pc-{n}" for n in range(1, 8)))

    words = action_words(action, TITLES)

    assert words["fr"] == (
        "mettre 4 équipements en règle pour « Disque chiffré » : "
        "pc-1, pc-2, pc-3, pc-4, pc-5, … et 2 de plus"
    )
    assert words["en"].endswith("pc-5, … and 2 more")


def test_another_way_to_the_same_condition_is_told_too() -> None:
    action = Action(
        Need.ATTEST,
        "Q02-restore-test",
        alternatives=((Action(Need.MEND, "Q09-disk-encrypted", 1),),),
    )

    assert action_words(action, TITLES)["en"] == (
        "attest “Restore test”, or else: have 1 device meet “Disk encrypted”"
    )


def test_an_attestation_that_has_to_carry_a_value_says_which() -> None:
    answer = action_words(Action(Need.ATTEST, "Q02-restore-test", value="no"), TITLES)
    number = action_words(Action(Need.ATTEST, "Q02-restore-test", at_least=100.0), TITLES)

    assert answer["fr"] == "attester « Essai de restauration » avec la réponse « non »"
    assert answer["en"] == "attest “Restore test” with the answer “no”"
    assert number["en"] == "attest “Restore test” (at least 100)"


def test_an_attestation_that_expired_says_when() -> None:
    ended = Action(Need.ATTEST, "Q02-restore-test", expired_at=1_790_000_000.0)

    words = action_words(ended, TITLES)

    assert words["fr"] == (
        "attester « Essai de restauration » de nouveau, l'attestation ayant expiré le 21/09/2026"
    )
    assert words["en"].endswith("again, as what was attested expired on 2026-09-21")


def test_a_name_that_a_device_gave_itself_cannot_break_the_sentence() -> None:
    action = Action(Need.MEND, "Q09-disk-encrypted", 1, ("pc\n\x1b[31m1",))

    assert action_words(action, TITLES)["fr"].isprintable()


def test_what_holds_a_level_is_the_next_thing_to_do() -> None:
    assessment = Assessment(2, 1, (Action(Need.ATTEST, "Q02-restore-test"),))

    assert held_by(assessment, TITLES)["fr"] == (
        "Niveau N1. Pour atteindre N2, 1 action : attester « Essai de restauration »."
    )


def test_of_several_things_to_do_the_first_is_among_them() -> None:
    actions = (Action(Need.ATTEST, "Q02-restore-test"), Action(Need.ENROL, "Q09-disk-encrypted", 2))

    told = held_by(Assessment(2, 1, actions), TITLES)
    enrol = action_words(actions[1], TITLES)

    assert told["fr"].startswith("Niveau N1. Pour atteindre N2, 2 actions, dont : attester « ")
    assert told["en"].startswith("Level N1. To reach N2, 2 actions, among them: attest “")
    assert enrol["fr"].startswith("enrôler 2 équipements déclarés qui ne remontent rien (")
    assert enrol["en"].startswith("enrol 2 declared devices that do not report (")


def test_what_is_attested_of_too_few_devices_says_of_how_many_more() -> None:
    words = action_words(Action(Need.ATTEST, "Q02-restore-test", 3), TITLES)

    assert words["fr"] == "attester « Essai de restauration » pour 3 équipements de plus"
    assert words["en"] == "attest “Restore test” for 3 more devices"


def test_not_assessed_and_the_top_have_their_own_words() -> None:
    assert "Non évalué" in held_by(Assessment(2, None), TITLES)["fr"]
    assert "N4" in held_by(Assessment(2, 4), TITLES)["en"]
