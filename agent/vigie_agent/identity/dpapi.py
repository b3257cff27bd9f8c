"""Windows' Data Protection API, bound to this machine. Follows its documentation; not yet run."""

import ctypes
import sys

_LOCAL_MACHINE = 0x4
_NO_PROMPT = 0x1

if sys.platform == "win32":
    from ctypes import wintypes

    class _Blob(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("data", ctypes.POINTER(ctypes.c_char)))

    class Dpapi:
        """Seals for this machine: its other accounts are kept out by the file's own rights."""

        def seal(self, plain: bytes) -> bytes:
            return _call(ctypes.windll.crypt32.CryptProtectData, plain)

        def unseal(self, sealed: bytes) -> bytes:
            return _call(ctypes.windll.crypt32.CryptUnprotectData, sealed)

    def _call(function: ctypes._FuncPointer, given: bytes) -> bytes:
        buffer = ctypes.create_string_buffer(given, len(given))
        source = _Blob(len(given), ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char)))
        result = _Blob()
        flags = _LOCAL_MACHINE | _NO_PROMPT
        done = function(ctypes.byref(source), None, None, None, None, flags, ctypes.byref(result))
        if not done:
            raise ctypes.WinError()
        try:
            return ctypes.string_at(result.data, result.size)
        finally:
            ctypes.windll.kernel32.LocalFree(result.data)
