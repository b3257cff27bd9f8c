"""What the tools and property lists of macOS answer, or why they did not.

Tools are named by their full path: what runs as root is the system's own. The reasons are fixed
sentences: what a tool prints when it fails may hold times and process numbers.
"""

import errno
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final, TypeVar

from vigie_agent.tables.host import CommandResult, Host, Outcome

DSCL: Final = "/usr/bin/dscl"
DISKUTIL: Final = "/usr/sbin/diskutil"
DSMEMBERUTIL: Final = "/usr/bin/dsmemberutil"
FDESETUP: Final = "/usr/bin/fdesetup"
IOREG: Final = "/usr/sbin/ioreg"
LAST: Final = "/usr/bin/last"
PFCTL: Final = "/sbin/pfctl"
PROFILES: Final = "/usr/bin/profiles"
PWPOLICY: Final = "/usr/bin/pwpolicy"
SCUTIL: Final = "/usr/sbin/scutil"
SOCKETFILTERFW: Final = "/usr/libexec/ApplicationFirewall/socketfilterfw"
SOFTWAREUPDATE: Final = "/usr/sbin/softwareupdate"
SYSTEMEXTENSIONSCTL: Final = "/usr/bin/systemextensionsctl"
SYSTEMSETUP: Final = "/usr/sbin/systemsetup"
TMUTIL: Final = "/usr/bin/tmutil"
WHO: Final = "/usr/bin/who"
XPROTECT: Final = "/usr/bin/xprotect"

_TIMEOUT: Final = timedelta(seconds=8)
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_BEYOND: Final = 10**15  # no number, size or time of a Mac is larger
_MAX_OUTPUT: Final = 8 * 1024 * 1024
_RIGHTS: Final = ("permission denied", "must be run as root", "requires root", "not permitted",
                  "not privileged", "root privileges", "need to be root", "as root")  # fmt: skip


Answer = TypeVar("Answer")


class Unanswered(Exception):
    """The text says what is missing, in the words of a `why`."""


def answer(host: Host, *argv: str, timeout: timedelta = _TIMEOUT) -> str:
    """What a tool printed on its standard output. Raises Unanswered unless it succeeded."""
    result = host.run(argv, timeout=timeout, max_output=_MAX_OUTPUT)
    if not result.ok:
        raise Unanswered(why_unanswered(argv[0].rpartition("/")[2], result))
    return result.stdout


def read_answer(
    host: Host, read: Callable[[str], Answer | None], *argv: str, timeout: timedelta = _TIMEOUT
) -> Answer:
    """What `read` makes of a tool's answer. Raises Unanswered also where it makes None of it."""
    found = read(answer(host, *argv, timeout=timeout))
    if found is None:
        raise Unanswered(f"{argv[0].rpartition('/')[2]} answered what could not be understood")
    return found


def why_unanswered(name: str, result: CommandResult) -> str:
    """Why a tool gave no answer, without what changes from one run to the next."""
    match result.outcome:
        case Outcome.MISSING:
            return f"this Mac has no {name}"
        case Outcome.NOT_STARTED:
            return f"{name} could not be started"
        case Outcome.TIMED_OUT:
            return f"{name} did not answer in time"
        case Outcome.TOO_LONG:
            return f"{name} answered more than is read"
        case Outcome.EXITED:
            said = f"{result.stdout}\n{result.stderr}".lower()
            if any(words in said for words in _RIGHTS):
                return f"needs root: {name}"
            return f"{name} failed"


def plist_answer(host: Host, *argv: str, timeout: timedelta = _TIMEOUT) -> object:
    """The property list that a tool printed. Raises Unanswered when there is none in it."""
    return read_answer(host, plist_in, *argv, timeout=timeout)


def plist_in(text: str) -> object | None:
    """The property list in `text`, past what stands before it; None when there is none."""
    starts = [place for mark in ("<?xml", "<plist") if (place := text.find(mark)) >= 0]
    return plist_of(text[min(starts) :].encode()) if starts else None


def plist_of(content: bytes) -> object | None:
    """The property list that `content` is, XML or binary; None when it is damaged."""
    import plistlib  # noqa: PLC0415 (its parsers: only a Mac needs them)
    import struct  # noqa: PLC0415 (see above)
    from xml.parsers.expat import ExpatError  # noqa: PLC0415 (see above)

    try:
        found: object = plistlib.loads(content)
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
        struct.error,
        ExpatError,
    ):  # what plistlib raises on content that is no property list
        return None
    return found


def plist_file(host: Host, path: str) -> Mapping[str, object] | None:
    """The dictionary in a property-list file, None where there is no such file.

    Raises Unanswered when it may not be read or is damaged.
    """
    found = _content(host, path)
    if found is None or isinstance(found, Mapping):
        return found
    raise Unanswered(f"{path} could not be understood")


def plist_list_file(host: Host, path: str) -> list[object] | None:
    """As `plist_file`, for a file that holds an array."""
    found = _content(host, path)
    if found is None or isinstance(found, list):
        return found
    raise Unanswered(f"{path} could not be understood")


def dictionaries(value: object) -> Iterator[Mapping[str, object]]:
    """The dictionaries in an array; nothing for whatever is not one."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def dictionary(value: object) -> Mapping[str, object]:
    """`value` when it is a dictionary, an empty one otherwise."""
    return value if isinstance(value, Mapping) else {}


def text_of(value: object) -> str:
    """`value` when it is text, empty otherwise."""
    return value.strip() if isinstance(value, str) else ""


def flag_of(value: object) -> bool | None:
    """Yes or no as property lists write them (a boolean, 0 or 1, a word); None for neither."""
    match value:
        case bool():
            return value
        case int():
            return value != 0
        case str():
            return {"1": True, "true": True, "yes": True, "0": False, "false": False,
                    "no": False}.get(value.strip().lower())  # fmt: skip
        case _:
            return None


def bit(value: object) -> int | None:
    """Yes and no as tables hold them; None stays None: not known."""
    return None if value is None else int(bool(value))


def number_of(value: object) -> int | None:
    """A whole number, also one written as text; None for anything else."""
    match value:
        case bool():
            return None
        case int() | float() if abs(value) < _BEYOND:  # which is not so of what is no number
            return int(value)
        case str() if _WHOLE.fullmatch(value.strip()):
            return int(value)
        case _:
            return None


def _content(host: Host, path: str) -> object | None:
    try:
        content = host.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        # macOS says EPERM where privacy protection refuses, whoever asks.
        if error.errno == errno.EPERM:
            raise Unanswered(
                "needs Full Disk Access (System Settings, Privacy & Security, Full Disk Access): "
                f"{path}"
            ) from error
        raise Unanswered(f"needs root: {path}") from error
    except OSError as error:
        raise Unanswered(f"{path} could not be read") from error
    found = plist_of(content)
    if found is None:
        raise Unanswered(f"{path} could not be understood")
    return found
