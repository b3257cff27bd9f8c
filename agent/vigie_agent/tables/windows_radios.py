"""Windows' own list of Bluetooth radios. Follows its documentation; not yet run."""

import ctypes
import sys
from typing import NamedTuple


class RadioCount(NamedTuple):
    """How many radios are on, and whether others nearby see any of them."""

    on: int
    discoverable: bool


if sys.platform == "win32":
    from ctypes import wintypes

    _NO_MORE_ITEMS = 259

    class _FindRadioParameters(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD),)

    def ask_windows() -> RadioCount:
        """The radios that are on: one that is off is not listed. Raises OSError."""
        library = ctypes.WinDLL("BluetoothApis.dll", use_last_error=True)
        kernel = ctypes.WinDLL("kernel32.dll", use_last_error=True)
        library.BluetoothFindFirstRadio.restype = wintypes.HANDLE
        library.BluetoothFindNextRadio.argtypes = (wintypes.HANDLE, ctypes.c_void_p)
        library.BluetoothFindRadioClose.argtypes = (wintypes.HANDLE,)
        library.BluetoothIsDiscoverable.argtypes = (wintypes.HANDLE,)
        kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
        parameters = _FindRadioParameters(ctypes.sizeof(_FindRadioParameters))
        radio = wintypes.HANDLE()
        search = library.BluetoothFindFirstRadio(ctypes.byref(parameters), ctypes.byref(radio))
        if not search:
            error = ctypes.get_last_error()
            if error == _NO_MORE_ITEMS:
                return RadioCount(0, discoverable=False)
            raise OSError(error, "BluetoothFindFirstRadio failed")
        count = 0
        try:
            more = True
            while more:
                count += 1
                kernel.CloseHandle(radio)
                more = bool(library.BluetoothFindNextRadio(search, ctypes.byref(radio)))
        finally:
            library.BluetoothFindRadioClose(search)
        return RadioCount(count, discoverable=bool(library.BluetoothIsDiscoverable(None)))

else:

    def ask_windows() -> RadioCount:
        """There is no such library on this system. Raises OSError."""
        raise OSError("not on Windows")
