"""What Windows is told of the agent's service: how it is kept, and what stands in the event log."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Final

NAME: Final = "vigie-agent"
EVENT_SOURCE: Final = "Vigie Agent"
LONGEST_EVENT: Final = 2000
"""Characters of one event's text: enough for any reason, far from the log's own limit."""


class Severity(StrEnum):
    """As the event log knows it."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


class Told(Enum):
    """What the event log is told. The numbers stay: people filter by them. At most 1000."""

    STARTED = (1, Severity.INFORMATION, "L'agent a démarré.", "The agent has started.")
    STOPPED = (2, Severity.INFORMATION, "L'agent s'est arrêté.", "The agent has stopped.")
    ENROLLED = (3, Severity.INFORMATION, "Ce poste est inscrit.", "This device is enrolled.")
    WAITS = (
        10,
        Severity.WARNING,
        "Ce poste n'est pas inscrit et n'a pas de jeton : l'agent attend un jeton.",
        "This device is not enrolled and has no token: the agent waits for one.",
    )
    NOT_ENROLLED = (
        11,
        Severity.WARNING,
        "L'inscription a échoué ; l'agent réessaie. « vigie-agent doctor » dit quoi faire.",
        "Enrolment failed; the agent tries again. `vigie-agent doctor` says what to do.",
    )
    SET_ASIDE = (
        12,
        Severity.WARNING,
        "Des fichiers qui n'appartiennent pas à un administrateur ont été mis de côté.",
        "Files that no administrator owns were set aside.",
    )
    DISABLED = (
        13,
        Severity.WARNING,
        "Le serveur a retiré ce poste ; l'agent s'arrête.",
        "The server retired this device; the agent stops.",
    )
    OF_VERSIONS = (
        14,
        Severity.WARNING,
        "Une version de l'agent n'a pas tenu son essai ; la précédente reprend.",
        "A version of the agent did not stand its trial; the one before runs again.",
    )
    FAILED = (
        20,
        Severity.ERROR,
        "L'agent s'est arrêté sur une erreur ; Windows le relance.",
        "The agent stopped on an error; Windows starts it again.",
    )

    @property
    def number(self) -> int:
        """The event's number."""
        return self.value[0]

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return self.value[1]

    def text(self, reason: str = "") -> str:
        """What is written: French first, then English, then the reason as the log has it."""
        _, _, french, english = self.value
        told = f"{french}\n{english}" + (f"\n\n{reason}" if reason else "")
        return told if len(told) <= LONGEST_EVENT else f"{told[: LONGEST_EVENT - 1]}…"


@dataclass(frozen=True, slots=True)
class Configuration:
    """How the service is kept by Windows."""

    program: str
    """Full path of the program."""
    restarts: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=15),
    )
    """When it is started again after a failure: the first, the second, every later one."""
    forgiven_after: timedelta = timedelta(days=1)
    """Without a failure, after which counting begins anew."""
    stop_within: timedelta = timedelta(seconds=20)
    """What it is given to end before the system shuts down."""

    @property
    def command(self) -> str:
        """What Windows starts. In quotes: without, `C:/Program.exe` would be tried first."""
        if '"' in self.program:
            raise ValueError(f"no path holds quotes: {self.program}")
        return f'"{self.program}" service run'
