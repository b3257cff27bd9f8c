"""Names of ended products as people of a language read them.

The list names spans of versions in English ("Firefox before 115"); the names of products stay.
"""

import re
from typing import Final

_IN_FRENCH: Final = (
    (re.compile(r" or before$"), " et antérieurs"),
    (re.compile(r" before (?=\d)"), " avant "),
    (re.compile(r" (\S+) to (\S+)$"), r" \1 à \2"),
    (re.compile(r" (\S+) and (\S+)$"), r" \1 et \2"),
    (re.compile(r" of Oracle, without a subscription$"), " d'Oracle, sans abonnement"),
    (re.compile(r" for (?=\w+$)"), " pour "),
)


def product_in(language: str, name: str) -> str:
    """The name of an entry of the list; of a form that is not known it is as the list has it."""
    if language == "fr":
        for form, said in _IN_FRENCH:
            name = form.sub(said, name)
    return name
