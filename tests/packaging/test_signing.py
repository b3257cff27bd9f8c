"""Program and installer for Windows are signed where a certificate is given, and only then."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from components import required_program
from vigie_packaging.msi import build_msi, build_stand_in
from vigie_packaging.release import Release
from vigie_packaging.signing import sign

THIS = Release("1.4.2", 1_700_000_000)
BEGINS = datetime(2023, 1, 1, tzinfo=UTC)
SECRET = "le mot de passe"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with a certificate of its own signature: PKCS#12, its password, and PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A publisher")])
    for_code = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(BEGINS)
        .not_valid_after(BEGINS + timedelta(days=36500))
        .add_extension(for_code, critical=True)
        .sign(key, hashes.SHA256())
    )
    closed = serialization.BestAvailableEncryption(SECRET.encode())
    folder = tmp_path / "certificate"
    folder.mkdir()
    (folder / "p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"publisher", key, made, None, closed)
    )
    (folder / "password").write_text(SECRET)
    (folder / "pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder


def verified(file: Path, certificate: Path) -> str:
    """What osslsigncode says of a signature. Raises CalledProcessError where it is none of ours."""
    command = ["osslsigncode", "verify", "-CAfile", certificate / "pem", "-in", file]
    return subprocess.check_output([str(part) for part in command], text=True, timeout=30)


def test_program_and_installer_carry_the_publishers_signature(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for needed in ("osslsigncode", "wixl", "x86_64-w64-mingw32-gcc"):
        required_program(needed)
    monkeypatch.setenv("VIGIE_SIGN_PKCS12", str(certificate / "p12"))
    monkeypatch.setenv("VIGIE_SIGN_PASSWORD_FILE", str(certificate / "password"))

    installer = build_msi(tmp_path, build_stand_in(tmp_path, THIS), THIS, stand_in=True)

    subprocess.run(["msiextract", "-C", tmp_path / "inside", installer], check=True, timeout=30)
    (program,) = (tmp_path / "inside").rglob("vigie-agent.exe")
    for signed in (installer, program):
        assert "Signature verification: ok" in verified(signed, certificate)
        assert "A publisher" in verified(signed, certificate)


def test_a_file_that_was_changed_after_it_was_signed_is_found_out(
    certificate: Path, tmp_path: Path
) -> None:
    required_program("osslsigncode")
    required_program("x86_64-w64-mingw32-gcc")
    program = build_stand_in(tmp_path, THIS) / "vigie-agent.exe"
    given = {
        "VIGIE_SIGN_PKCS12": str(certificate / "p12"),
        "VIGIE_SIGN_PASSWORD_FILE": str(certificate / "password"),
    }
    assert sign(program, given)

    content = bytearray(program.read_bytes())
    content[content.index(b"collects nothing")] ^= 1
    program.write_bytes(content)

    with pytest.raises(subprocess.CalledProcessError):
        verified(program, certificate)


def test_without_a_certificate_nothing_is_signed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"as it was")

    assert not sign(file, {"VIGIE_SIGN_TIMESTAMP": "http://time.example.org"})
    assert file.read_bytes() == b"as it was"


def test_a_program_of_the_publishers_own_may_sign(tmp_path: Path) -> None:
    signer = tmp_path / "signer"
    signer.write_text('#!/bin/sh\nprintf " signed" >> "$1"\n')
    signer.chmod(0o755)
    file = tmp_path / "a file"
    file.write_text("content")

    assert sign(file, {"VIGIE_SIGN_COMMAND": str(signer)})
    assert file.read_text() == "content signed"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"VIGIE_SIGN_COMMAND": "a", "VIGIE_SIGN_PKCS12": "b"}, "not both"),
        ({"VIGIE_SIGN_PKCS12": "b"}, "VIGIE_SIGN_PASSWORD_FILE"),
    ],
)
def test_what_cannot_sign_says_what_to_set(
    given: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told):
        sign(tmp_path / "file", given)
