"""Signs what Windows starts (Authenticode), where whoever builds has a certificate.

Two ways, by variables of the environment, so that no secret stands in a command line or a file of
this project. `VIGIE_SIGN_COMMAND` names a program that signs the file whose path it is given, in
place: a key in a hardware module or at a service, as public authorities demand, is reached so.
`VIGIE_SIGN_PKCS12` names a PKCS#12 file, with its password in the file that
`VIGIE_SIGN_PASSWORD_FILE` names, for osslsigncode; `VIGIE_SIGN_TIMESTAMP` is the address of a
time-stamping authority: without one a signature ends with its certificate.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_VARIABLES: Final = (
    "VIGIE_SIGN_COMMAND",
    "VIGIE_SIGN_PKCS12",
    "VIGIE_SIGN_PASSWORD_FILE",
    "VIGIE_SIGN_TIMESTAMP",
)


def sign(file: Path, environment: Mapping[str, str]) -> bool:
    """Signs `file` in place; whether there is anything to sign with.

    Raises ValueError when the variables do not fit, CalledProcessError when signing fails.
    """
    command, pkcs12, password, timestamp = (environment.get(name, "") for name in _VARIABLES)
    if command and pkcs12:
        raise ValueError("set VIGIE_SIGN_COMMAND or VIGIE_SIGN_PKCS12, not both")
    if command:
        subprocess.run([command, str(file)], check=True)
    elif pkcs12:
        if not password:
            raise ValueError("VIGIE_SIGN_PASSWORD_FILE: name the file with the password")
        _with_osslsigncode(file, pkcs12, password, timestamp)
    return bool(command or pkcs12)


def _with_osslsigncode(file: Path, pkcs12: str, password: str, timestamp: str) -> None:
    signed = file.with_name(f"{file.name}.signed")
    signed.unlink(missing_ok=True)
    options = ["-pkcs12", pkcs12, "-readpass", password, "-h", "sha256", "-n", "Vigie Agent"]
    if timestamp:
        options += ["-ts", timestamp]
    command = ["osslsigncode", "sign", *options, "-in", str(file), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    signed.replace(file)
