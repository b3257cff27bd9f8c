"""Why a file could not be read, in the same words on every system and in every language.

Windows words its errors in the language of the device; a `why` must not differ with it.
"""

import errno
from typing import Final

_WORDS: Final = {
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EFBIG: "too large",
    errno.EINVAL: "not a regular file",
    errno.EISDIR: "not a regular file",
    errno.ELOOP: "links without end",
    errno.EIO: "the disk could not be read",
}


def reason(error: OSError) -> str:
    """`permission denied`, ...; the system's own name of an error that is rarer."""
    if error.errno in _WORDS:
        return _WORDS[error.errno]
    return errno.errorcode.get(error.errno or 0, "not readable")
