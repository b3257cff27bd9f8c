"""Owners and rights of files, as Windows keeps them."""

import sys
from pathlib import Path

if sys.platform == "win32":
    import win32security

    def owner(path: Path) -> str:
        """The SID of who owns `path`. Raises OSError."""
        asked = win32security.OWNER_SECURITY_INFORMATION
        try:
            found = win32security.GetNamedSecurityInfo(
                str(path), win32security.SE_FILE_OBJECT, asked
            )
            return str(win32security.ConvertSidToStringSid(found.GetSecurityDescriptorOwner()))
        except win32security.error as error:
            raise OSError(f"the owner of {path} cannot be read: {error}") from error

    def told(path: Path) -> str:
        """The rights of `path`, in SDDL. Raises OSError."""
        asked = win32security.DACL_SECURITY_INFORMATION
        try:
            found = win32security.GetNamedSecurityInfo(
                str(path), win32security.SE_FILE_OBJECT, asked
            )
            return str(
                win32security.ConvertSecurityDescriptorToStringSecurityDescriptor(
                    found, win32security.SDDL_REVISION_1, asked
                )
            )
        except win32security.error as error:
            raise OSError(f"the rights of {path} cannot be read: {error}") from error

    def give(path: Path, sddl: str) -> None:
        """Gives `path` the rights of `sddl`, and the owner where it names one. Raises OSError."""
        wanted = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
            sddl, win32security.SDDL_REVISION_1
        )
        changed = (
            win32security.DACL_SECURITY_INFORMATION
            | win32security.PROTECTED_DACL_SECURITY_INFORMATION
        )
        if sddl.startswith("O:"):
            changed |= win32security.OWNER_SECURITY_INFORMATION
        try:
            win32security.SetNamedSecurityInfo(
                str(path),
                win32security.SE_FILE_OBJECT,
                changed,
                wanted.GetSecurityDescriptorOwner(),
                None,
                wanted.GetSecurityDescriptorDacl(),
                None,
            )
        except win32security.error as error:
            raise OSError(f"the rights of {path} cannot be set: {error}") from error

else:

    def told(path: Path) -> str:
        """Windows alone has it."""
        raise NotImplementedError(f"{path}: only Windows has SDDL")

    def owner(path: Path) -> str:
        """Windows alone has it."""
        raise NotImplementedError(f"{path}: only Windows has SIDs")

    def give(path: Path, sddl: str) -> None:
        """Windows alone has it."""
        raise NotImplementedError(f"{path}: only Windows has {sddl}")
