"""Why a sign-in by an identity provider came to nothing, as people are told it."""

from enum import StrEnum


class ProviderFault(StrEnum):
    """What went wrong on the way."""

    UNREACHABLE = "unreachable"
    """The provider does not answer, or not in time."""
    ANSWER = "answer"
    """What it answers is not of use."""
    WAY = "way"
    """The browser comes back from a way that we did not send it, or that took too long."""
    DENIED = "denied"
    """The person gave up, or the provider let them not in."""
    TOKEN = "token"  # noqa: S105 (no password)
    """What proves the person is not valid."""
    ASSURANCE = "assurance"
    """The person proved who they are by less than is asked."""
    CLAIM = "claim"
    """The provider does not tell what a person is known by here."""
    NO_RIGHT = "no_right"
    """Nothing gives this person a right here."""
    LOCKED = "locked"
    """The account is locked."""
    ENDED = "ended"
    """The account's last day is over."""
    TAKEN = "taken"
    """Another account has the name already."""
