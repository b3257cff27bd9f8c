"""The device's identity on disk: private, whole, and replaced at once."""

import json
import os
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.authority import Authority
from vigie_agent.domain.errors import IdentityUnusable, TokenMalformed
from vigie_agent.domain.identity import Issued
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes, system_protection
from vigie_agent.identity.token_file import erase_token, token_in

AUTHORITY = Authority()


@pytest.fixture
def keys(tmp_path: Path) -> IdentityFiles:
    return IdentityFiles(tmp_path / "identity", FileModes())


def issued_for(keys: IdentityFiles, key: bytes, device_id: str = "device-1") -> Issued:
    return Issued(
        device_id=device_id,
        certificate_chain=(AUTHORITY.device_certificate(keys.signing_request(key), device_id),),
        trust_bundle=(AUTHORITY.der,),
        telemetry_endpoints=("vigie:8443",),
        enrolment_endpoints=("vigie:8444",),
    )


def test_there_is_no_identity_before_enrolment(keys: IdentityFiles) -> None:
    assert keys.load() is None


def test_what_was_saved_is_loaded(keys: IdentityFiles) -> None:
    key = keys.new_key()

    saved = keys.save(issued_for(keys, key), key)

    assert keys.load() == saved
    assert (saved.not_after - saved.not_before).days == 90


def test_only_this_account_may_read_it(keys: IdentityFiles, tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        key = keys.new_key()
        keys.save(issued_for(keys, key), key)
    finally:
        os.umask(previous)

    folder = tmp_path / "identity"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "identity.json": 0o600
    }


def test_a_power_cut_while_writing_leaves_the_old_identity(
    keys: IdentityFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = keys.new_key(), keys.new_key()
    before = keys.save(issued_for(keys, old), old)

    def cut(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as power:
        power.setattr(os, "fsync", cut)
        with pytest.raises(IdentityUnusable, match="power cut"):
            keys.save(issued_for(keys, new), new)

    assert keys.load() == before
    after = keys.save(issued_for(keys, new), new)
    assert keys.load() == after


def test_a_certificate_for_another_key_is_refused(keys: IdentityFiles) -> None:
    mine, other = keys.new_key(), keys.new_key()

    with pytest.raises(IdentityUnusable, match="another key"):
        keys.save(issued_for(keys, other), mine)

    assert keys.load() is None


@pytest.mark.parametrize(
    "nothing",
    [
        {"certificate_chain": ()},
        {"certificate_chain": (b"no certificate",)},
        {"trust_bundle": ()},
        {"trust_bundle": (b"no certificate",)},
        {"telemetry_endpoints": ()},
        {"device_id": ""},
    ],
)
def test_an_identity_that_lacks_something_is_refused(
    keys: IdentityFiles, nothing: dict[str, tuple[bytes, ...]]
) -> None:
    key = keys.new_key()

    with pytest.raises(IdentityUnusable):
        keys.save(replace(issued_for(keys, key), **nothing), key)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"format": 2}', "\x00\x01", "null"])
def test_a_damaged_identity_says_what_to_do(
    keys: IdentityFiles, tmp_path: Path, damage: str
) -> None:
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "identity.json").write_text(damage)

    with pytest.raises(IdentityUnusable, match="vigie-agent enroll"):
        keys.load()


def test_a_damaged_key_is_told(keys: IdentityFiles, tmp_path: Path) -> None:
    key = keys.new_key()
    keys.save(issued_for(keys, key), key)
    path = tmp_path / "identity" / "identity.json"
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {"key": written["key"][:40]}))

    with pytest.raises(IdentityUnusable, match="damaged"):
        keys.load()


def test_a_changed_validity_is_told(keys: IdentityFiles, tmp_path: Path) -> None:
    key = keys.new_key()
    keys.save(issued_for(keys, key), key)
    path = tmp_path / "identity" / "identity.json"
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {"not_after": "2999-01-01T00:00:00+00:00"}))

    with pytest.raises(IdentityUnusable, match="damaged"):
        keys.load()


@pytest.mark.parametrize("mine", [True, False])
def test_an_identity_without_a_digest_is_checked_when_it_is_loaded(
    keys: IdentityFiles, tmp_path: Path, mine: bool
) -> None:
    key, other = keys.new_key(), keys.new_key()
    saved = keys.save(issued_for(keys, key), key)
    path = tmp_path / "identity" / "identity.json"
    written = json.loads(path.read_text())
    for added_since in ("digest", "not_before", "not_after"):
        del written[added_since]
    path.write_text(
        json.dumps(written | ({} if mine else {"key": b64encode(other).decode("ascii")}))
    )

    if mine:
        assert keys.load() == saved
    else:
        with pytest.raises(IdentityUnusable, match="another key"):
            keys.load()


def test_erasing_leaves_nothing_and_can_be_done_twice(keys: IdentityFiles, tmp_path: Path) -> None:
    key = keys.new_key()
    keys.save(issued_for(keys, key), key)

    keys.erase()
    keys.erase()

    assert keys.load() is None
    assert list((tmp_path / "identity").iterdir()) == []


def test_a_signing_request_names_nobody_and_proves_the_key(keys: IdentityFiles) -> None:
    key = keys.new_key()

    request = x509.load_der_x509_csr(keys.signing_request(key))

    public = request.public_key()
    assert request.is_signature_valid
    assert len(request.subject) == 0
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)


def test_a_signature_is_that_of_the_key(keys: IdentityFiles) -> None:
    key = keys.new_key()
    public = x509.load_der_x509_csr(keys.signing_request(key)).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)

    signature = keys.sign(key, b"message")

    public.verify(signature, b"message", ec.ECDSA(hashes.SHA256()))


def test_the_protection_of_this_system_gives_back_what_it_sealed() -> None:
    protection = system_protection()

    assert protection.unseal(protection.seal(b"secret")) == b"secret"


def test_a_token_file_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    path, witness = tmp_path / "token", tmp_path / "witness"
    path.write_text("vigie1.secret")
    witness.hardlink_to(path)

    erase_token(path)

    assert not path.exists()
    assert witness.read_bytes() == b"\0" * 13


def test_a_token_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenMalformed, match="no token file"):
        token_in(tmp_path / "absent")
    with pytest.raises(TokenMalformed, match="cannot be read"):
        token_in(tmp_path)
