"""Everything the agent raises on purpose; `retryable` tells the caller what to do.

VigieError
├── EngineLost            the engine went away; it is reconnected or restarted
├── LinkLost              no connection, or it broke; data waits in the spool
├── DeviceRefused         the server answers, and does not take this device for now
├── EnrollmentRefused     the server said no; the text says what to do
├── IdentityMissing       this agent is not enrolled
├── IdentityUnusable      key or certificate cannot be read or do not fit
├── TokenMalformed        the enrolment token was cut or mistyped
├── ServerUntrusted       the server's authority is not the one the token names
├── AgentRuns             another agent uses the same data folder
├── SpoolUnusable         the spool's file cannot be opened or written
├── PackMalformed         a pack cannot be read; the text says where
├── TopicMalformed        a topic's declaration cannot be read; the text says where
├── SettingsMalformed     a setting is wrong; the text says which and what to write
├── NotPublished          the update channel has no such file
├── UpdateRefused         an update is not what its publisher signed, or not for this device
├── UpdateFailed          an update could not be put in place; the version before runs on
└── DeviceDisabled        the server retired or revoked this device
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar


class VigieError(Exception):
    """Base of everything we raise on purpose."""

    retryable: ClassVar[bool] = False


class EngineLost(VigieError):
    """The engine went away in the middle of a question."""

    retryable = True


class LinkLost(VigieError):
    """The server cannot be reached, or the stream broke. `retry_after`: the server's wish."""

    retryable = True

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class DeviceRefused(VigieError):
    """The server answers and says no: device unknown, certificate revoked, or no such service.

    A person may settle it on the server, so it is tried again, calmly.
    """

    retryable = True


class EnrollmentRefused(VigieError):
    """The server refused to enrol this device."""


class IdentityMissing(VigieError):
    """The agent has no identity yet: it must be enrolled."""


class IdentityUnusable(VigieError):
    """The stored key or certificate cannot be used."""


class TokenMalformed(VigieError):
    """The enrolment token is not one, or was cut or mistyped."""


class ServerUntrusted(VigieError):
    """The server does not present the authority that the enrolment token names."""


class SpoolUnusable(VigieError):
    """The spool's file cannot be opened or written."""

    retryable = True


class AgentRuns(VigieError):
    """Another agent uses the same data folder."""


class PackMalformed(VigieError):
    """A pack cannot be read."""


class TopicMalformed(VigieError):
    """A topic's declaration cannot be read."""


class SettingsMalformed(VigieError):
    """A setting is unknown, or has a value that it cannot have."""


class NotPublished(VigieError):
    """The update channel has no file of this name."""


class UpdateRefused(VigieError):
    """An update is not what its publisher signed, is out of date, or is not for this device."""


class UpdateFailed(VigieError):
    """An update could not be put in place. The version before runs on."""

    retryable = True


class DeviceDisabled(VigieError):
    """The server retired or revoked this device."""


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """The errors in a group, and in the groups in it, in order."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
