"""Private keys: made where they stay, written for their owner alone, used to sign what is asked."""

import base64
import hashlib
import os
from pathlib import Path
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from isofed.errors import ConfigError

Private = ec.EllipticCurvePrivateKey
Public = ec.EllipticCurvePublicKey
_PEM, _PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()
_RULE = ec.ECDSA(hashes.SHA384())


def keep(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read (0600, in a folder 0700), whole or not at all.

    Unlike :func:`isofed.files.atomic`, the file is closed to others from its first byte on.
    """
    private_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    beside.unlink(missing_ok=True)  # of a process that was killed and had this number
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def private_folder(path: Path) -> None:
    """Make a folder, and those above it, that its owner alone can look into; leave what is there."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)


def new_key() -> Private:
    """Make a key on the curve P-384, the one that Flower's nodes use."""
    return ec.generate_private_key(ec.SECP384R1())


def for_tls(key: Private) -> bytes:
    """Write a private key as PKCS#8 PEM, which OpenSSL reads."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _PLAIN)


def for_flower(key: Private) -> bytes:
    """Write a private key as OpenSSH PEM, which ``flower-supernode`` reads and OpenSSL does not."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.OpenSSH, _PLAIN)


def read_key(path: Path) -> Private:
    """Read a private key in either form.

    Raises:
        ConfigError: it is not there, or no P-384 key.
    """
    try:
        content = path.read_bytes()
        read = (
            serialization.load_ssh_private_key
            if b"OPENSSH" in content[:40]
            else serialization.load_pem_private_key
        )
        key = read(content, None)
    except (OSError, ValueError, TypeError):
        raise ConfigError(f"{path.name} cannot be read as a private key; restore it from a backup") from None
    if not isinstance(key, Private) or not isinstance(key.curve, ec.SECP384R1):
        raise ConfigError(f"{path.name} is no P-384 key; restore it from a backup")
    return key


def kept_key(path: Path, form: str = "tls") -> Private:
    """Read the key at ``path``, or make it there if nothing is.

    Args:
        path: where it is kept, mode 0600.
        form: ``"tls"`` for :func:`for_tls`, ``"flower"`` for :func:`for_flower`.
    """
    if not path.exists():
        keep(path, {"tls": for_tls, "flower": for_flower}[form](new_key()))
    return read_key(path)


def public_pem(key: Public) -> str:
    """Write a public key as PEM, the very bytes with which Flower registers and names a node."""
    return key.public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def read_public(pem: str) -> Public:
    """Read what :func:`public_pem` wrote."""
    return cast(Public, serialization.load_pem_public_key(pem.encode()))


def fingerprint(pem: str) -> str:
    """Name a public key as ``ssh-keygen -l`` does: ``SHA256:`` and its OpenSSH form's digest in base64."""
    line = read_public(pem).public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def sign(key: Private, *parts: bytes) -> bytes:
    """Sign some parts, each with its length, so that no two lists of parts are signed alike."""
    return key.sign(_joined(parts), _RULE)


def signed(pem: str, signature: bytes, *parts: bytes) -> bool:
    """Tell whether :func:`sign` made a signature with the private half of a public key."""
    try:
        read_public(pem).verify(signature, _joined(parts), _RULE)
    except InvalidSignature:
        return False
    return True


def sign_time(key: Private, stamp: str) -> bytes:
    """Sign a time as Flower's nodes do: ECDSA with SHA-256 over its text."""
    return key.sign(stamp.encode("ascii"), ec.ECDSA(hashes.SHA256()))


def _joined(parts: tuple[bytes, ...]) -> bytes:
    return b"isofed" + b"".join(len(part).to_bytes(8, "big") + part for part in parts)
