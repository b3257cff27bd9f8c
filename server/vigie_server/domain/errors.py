"""Everything the server raises on purpose; `retryable` tells the caller what to do.

VigieError
├── UnknownDevice       no such device, or its certificate is revoked
├── DeviceRetired       the device was retired: it is told to stop
├── DeviceCloned        a second machine speaks with a live device's identity
├── MalformedRequest    a message breaks the protocol; the text says how
├── TokenRefused        an enrolment or API token is unknown, used up, expired or out of scope
├── SignInRefused       a person is not who they say, or a setup code is not valid
│   └── AccountEnded    they are, but the account's last day is over
├── ProviderRefused     a sign-in by the identity provider came to nothing; `fault` says why
├── SecretUnreadable    a secret is kept under another key; the text says what to do
├── CursorRefused       a cursor is damaged or of another list; the text says what to do
├── NotFound            what was asked for does not exist
├── DeclarationRefused  what a person declares is wrong; the text says what to do
│   └── ActRefused      an act is not for the device as it stands; the text says which are
├── InUse               what is to be removed is still used; the text says by what
├── ConditionFailed     a change is bound to a state that is there no more; the text says what is
├── ConditionMissing    a change has to be bound to the state that it is for
├── RulesMalformed      a rule or topic file is wrong; the text names file and place
├── SettingsMalformed   a setting is wrong; the text names it
├── RateLimited         too many attempts from one place; come back later
├── FleetNotRead        metrics are not whole yet after a start; try again
├── BackupRefused       a backup is damaged, or is not to be opened by what was given
├── ReportNotMade       a report could not be laid out; the log says why
├── ReportsBusy         other reports are being laid out; try again
├── StoreRefused        the store will never take this
│   └── StoreMisused    it does not understand what it is asked: a fault of ours; the log says which
└── StoreBusy           the store cannot take it now; try again
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from vigie_server.domain.proving import ProviderFault


class VigieError(Exception):
    """Base of everything we raise on purpose."""

    retryable: ClassVar[bool] = False


class UnknownDevice(VigieError):
    """No such device, or its certificate is revoked."""


class DeviceRetired(VigieError):
    """The device was retired or revoked: it is told to stop."""


class DeviceCloned(VigieError):
    """A second machine speaks with the identity of a device that is alive."""


class MalformedRequest(VigieError):
    """A message breaks the protocol."""


class TokenRefused(VigieError):
    """A token is unknown, used up, expired or out of scope; the text never says which to a peer."""


class SignInRefused(VigieError):
    """Name, password or code are wrong, or a setup code is; the text never says which of them."""


class AccountEnded(SignInRefused):
    """The person is who they say, and the account's last day is over."""


class ProviderRefused(VigieError):
    """A sign-in by the identity provider came to nothing.

    `fault` is for the person; the text, which quotes no token, for who runs the server.
    """

    def __init__(self, fault: ProviderFault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


class SecretUnreadable(VigieError):
    """A secret in the store is encrypted under another key, or is damaged."""


class CursorRefused(VigieError):
    """A cursor is damaged, or is one of another list."""


class NotFound(VigieError):
    """What was asked for does not exist."""


class DeclarationRefused(VigieError):
    """What a person declares is wrong. `faults` names each wrong place, where there are several."""

    def __init__(self, text: str, faults: Sequence[Mapping[str, str | int]] = ()) -> None:
        super().__init__(text)
        self.faults = tuple(faults)


class ActRefused(DeclarationRefused):
    """An act is not for the device as it stands, which may be since somebody else's act."""


class InUse(VigieError):
    """What is to be removed is still used."""


class ConditionFailed(VigieError):
    """A change is bound to a state that is not there. `tag` names the state that is, if one is.

    `fields` are those that are known to be others than in the state that the change is for.
    """

    def __init__(self, text: str, tag: str | None = None, fields: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.tag = tag
        self.fields = tuple(fields)


class ConditionMissing(VigieError):
    """A change has to say which state it is for."""


class KeyUsedOtherwise(VigieError):
    """A key that makes a request repeatable stands for another request."""


class RequestUnderWay(VigieError):
    """The first request under this key has no answer yet."""

    retryable = True


class RulesMalformed(VigieError):
    """Rule or topic files are wrong. `mistakes` are all that were found, each with its place."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class SettingsMalformed(VigieError):
    """A setting is wrong."""


class RateLimited(VigieError):
    """Too many attempts from one place. `after`: the seconds until the next, where known."""

    retryable = True

    def __init__(self, text: str, *, after: float | None = None) -> None:
        super().__init__(text)
        self.after = after


class FleetNotRead(VigieError):
    """The server has just started and has not read every device yet."""

    retryable = True


class BackupRefused(VigieError):
    """A backup is damaged or cut short, or what was given does not open it."""


class ReportNotMade(VigieError):
    """A report could not be laid out."""


class ReportsBusy(VigieError):
    """Other reports are being laid out, or this one took too long."""

    retryable = True


class StoreRefused(VigieError):
    """The store will never take this: what it was given breaks its rules."""


class StoreMisused(StoreRefused):
    """It does not understand what it is asked: a fault of ours, or tables of another version."""


class StoreBusy(VigieError):
    """The store cannot take it now."""

    retryable = True
