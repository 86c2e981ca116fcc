"""Private keys: in two forms, closed to others; what is signed with them holds for what was signed alone."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.protocols.keys import (
    fingerprint,
    for_flower,
    for_tls,
    keep,
    kept_key,
    new_key,
    private_folder,
    public_pem,
    read_key,
    read_public,
    sign,
    signed,
)

KEY, OTHER = new_key(), new_key()
PARTS = st.lists(st.binary(max_size=40), max_size=4)
# made with openssl, named by ssh-keygen -lf
PEM = """-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEbHPN6iicy/dXtriEoKC6w+F+6gB1iD0j
K9HISbScFIR0imh04sfNbbjvv5vLxtbxwfZYIsEPKJHzCfxlcGqEHaljL35hgH7I
zzhiliOEW7sWNkI87e4t8QXe/cYtvkrw
-----END PUBLIC KEY-----
"""
NAMED = "SHA256:w7GloZSTmlW4xB7hjjaE6oJyiqzeLNkjeChduokJLSQ"


@given(PARTS, PARTS)
def test_a_signature_is_of_its_parts_alone(parts: list[bytes], others: list[bytes]) -> None:
    pem, made = public_pem(KEY.public_key()), sign(KEY, *parts)
    assert signed(pem, made, *parts)
    assert signed(pem, made, *others) == (parts == others)
    assert not signed(public_pem(OTHER.public_key()), made, *parts)
    assert not signed(pem, made[:-1], *parts)


@given(st.sampled_from([1, 2, 3, 2**200 + 7]) | st.integers(1, 2**380))
def test_a_key_comes_back_from_either_form(number: int) -> None:
    key = ec.derive_private_key(number, ec.SECP384R1())
    assert load_ssh_private_key(for_flower(key), None).private_numbers() == key.private_numbers()  # type: ignore[union-attr]
    assert load_pem_private_key(for_tls(key), None).private_numbers() == key.private_numbers()  # type: ignore[union-attr]
    assert read_public(public_pem(key.public_key())) == key.public_key()


def test_a_key_is_made_once_and_read_from_either_form(tmp_path: Path) -> None:
    for form in ("tls", "flower"):
        first = kept_key(tmp_path / form, form).private_numbers()
        assert kept_key(tmp_path / form, form).private_numbers() == first
        assert read_key(tmp_path / form).private_numbers() == first
        assert (tmp_path / form).stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_kind_or_none_is_refused(tmp_path: Path) -> None:
    keep(tmp_path / "small", for_tls(ec.generate_private_key(ec.SECP256R1())))
    keep(tmp_path / "cut", for_tls(KEY)[:80])
    keep(tmp_path / "cut-ssh", for_flower(KEY)[:80])
    for name in ("small", "cut", "cut-ssh", "absent"):
        with pytest.raises(ConfigError, match=f"^{name} ") as caught:
            read_key(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)


def test_what_is_kept_is_closed_to_others_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    path.parent.parent.mkdir(mode=0o755)
    (tmp_path / "a" / f".other.{os.getpid()}.partial").touch()
    keep(path, b"one")
    keep(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o755  # somebody else's
    assert [other.name for other in path.parent.iterdir()] == ["file"]


def test_what_a_killed_process_left_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f".file.{os.getpid()}.partial").write_bytes(b"half")
    keep(tmp_path / "file", b"whole")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"whole")]


def test_a_folder_is_made_closed(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "b")
    private_folder(tmp_path / "a" / "b")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o700}


def test_a_fingerprint_is_that_of_ssh_keygen() -> None:
    assert fingerprint(PEM) == NAMED
