"""Which backup program a command or a unit names. Pure.

A command is looked at and not kept: it may hold addresses and passwords.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.backup_facts import Kind


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, what it makes, and the words it goes by.

    A command that names one of `chores` and none of `works` only looks after what is there:
    `borg prune` brings no new backup.
    """

    name: str
    kind: Kind = Kind.BACKUP
    words: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    chores: tuple[str, ...] = ()

    def is_named_in(self, command: str) -> bool:
        """Whether `command` makes a backup with it."""
        if not any(_has_word(command, word) for word in (self.words or (self.name,))):
            return False
        if any(_has_word(command, word) for word in self.works):
            return True
        return not any(_has_word(command, word) for word in self.chores)


_BORG_CHORES: Final = ("prune", "check", "compact", "list", "info", "delete", "break-lock")
_RESTIC_CHORES: Final = ("forget", "prune", "check", "snapshots", "stats", "unlock", "cache")

TOOLS: Final = (
    Tool("borgmatic", works=("create",), chores=_BORG_CHORES),
    Tool("borg", words=("borg", "borgbackup", "vorta"), works=("create",), chores=_BORG_CHORES),
    Tool(
        "restic",
        words=("restic", "rustic", "resticprofile", "autorestic", "crestic"),
        works=("backup",),
        chores=_RESTIC_CHORES,
    ),
    Tool("deja-dup"),
    Tool("duplicity", words=("duplicity", "duply"), chores=("verify", "collection-status")),
    Tool("duplicati", words=("duplicati", "duplicati-cli")),
    Tool("rsnapshot"),
    Tool("rdiff-backup"),
    Tool("kopia", works=("snapshot create",), chores=("maintenance",)),
    Tool("backupninja"),
    Tool("backup2l"),
    Tool("bup"),
    Tool("proxmox-backup-client"),
    Tool("backintime"),
    Tool("wbadmin", works=("start",), chores=("get", "delete")),
    Tool("pg_basebackup", words=("pg_basebackup", "pg_dump", "pg_dumpall")),
    Tool("mysqldump", words=("mysqldump", "mariadb-dump", "automysqlbackup")),
    Tool("snapper", kind=Kind.SNAPSHOT, words=("snapper", "snapper-timeline", "snapper-boot")),
    Tool("timeshift", kind=Kind.SNAPSHOT),
    Tool("sanoid", kind=Kind.SNAPSHOT, words=("sanoid", "zfs-auto-snapshot")),
    Tool("rclone", kind=Kind.COPY),
    Tool("unison", kind=Kind.COPY),
    Tool("rsync", kind=Kind.COPY),
)
OWN_SCRIPT: Final = Tool("own script")

_OWN: Final = re.compile(r"back[-_]?up|sauvegarde", re.IGNORECASE)
_NOT_DATA: Final = re.compile(
    r"dpkg-db-backup|lvm|alternatives|shadow|logrotate|debconf", re.IGNORECASE
)
_SCRIPT_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)


def tool_of(command: str, *, name: str = "") -> Tool | None:
    """What `command` makes a backup with, None for none; `name` is that of a unit or script.

    The word backup in a name is enough; in a command it is enough only in the program's own name:
    the system's own jobs write to /var/backups.
    """
    for tool in TOOLS:
        if tool.is_named_in(command):
            return tool
    names = [name, *(_programs(command) if command else ())]
    if any(_NOT_DATA.search(each) for each in names):
        return None
    mentioned = any(
        _has_word(command, word) for tool in TOOLS for word in tool.words or [tool.name]
    )
    if any(_OWN.search(each) for each in names) and not mentioned:
        return OWN_SCRIPT
    return None


def tool_of_script(text: str, *, name: str) -> Tool | None:
    """What a shell script makes a backup with: by its commands, line by line, then by its name."""
    uncommented = _SCRIPT_COMMENT.sub("", text)
    for tool in TOOLS:
        if any(tool.is_named_in(line) for line in uncommented.splitlines()):
            return tool
    return tool_of("", name=name)


def _programs(command: str) -> Iterator[str]:
    """The names of what a command line starts: what stands first, and every script in it."""
    for n, word in enumerate(command.split()):
        is_path = word.startswith("/") and "/var/" not in word
        if n == 0 or (is_path and re.search(r"/s?bin/|\.(sh|py|pl)$", word)):
            yield word.rpartition("/")[2]


def _has_word(text: str, word: str) -> bool:
    pattern = rf"(?<![\w.@-]){re.escape(word)}(?:\.exe)?(?![\w-])"
    return re.search(pattern, text, re.IGNORECASE) is not None
