"""The server's folder, made and kept: its authority, its certificate, its secrets; what it signs."""

import secrets
import time
from pathlib import Path

from isofed.errors import ConfigError
from isofed.protocols.certificates import (
    Authority,
    due,
    for_server,
    for_site,
    new_authority,
    read_certificate,
    sha256,
    signed_by,
)
from isofed.protocols.invitation import Invitation
from isofed.protocols.keys import keep, kept_key, private_folder, read_key, read_public
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.register import HOURS, Register
from isofed.server.hub.settings import HubSettings, read_settings, write_settings
from isofed.server.hub.sites import Issue

SECRET_BYTES = 32


def init(folder: HubFolder, settings: HubSettings | None) -> bool:
    """Make a server's folder, or complete one that was begun; what is there stays.

    Args:
        folder: where; it gets the mode 0700.
        settings: what the operator wants; None to keep what the folder has.

    Returns:
        Whether it was made; False where it was there already.

    Raises:
        ConfigError: the folder holds other things, or is a server's with other settings.
    """
    there = folder.settings.exists()
    if there and settings not in (None, read_settings(folder)):
        raise ConfigError(
            f"{folder.root} is a server's folder already, with other settings; change its hub.toml by hand, "
            "or choose another folder"
        )
    wanted = settings or read_settings(folder)
    _take(folder)
    _complete(folder, wanted)
    if not there:
        write_settings(folder, wanted)  # last: with it, all the rest is there
    return not there


def refresh(folder: HubFolder, now: float | None = None) -> bool:
    """Renew the server's certificate where that is due, or the host changed; return whether it did.

    Args:
        folder: of :func:`init`.
        now: seconds since 1970; the clock's if None.
    """
    return _certify(folder, read_settings(folder), time.time() if now is None else now)


def authority(folder: HubFolder) -> Authority:
    """Read who signs.

    Raises:
        ConfigError: the folder is no server's, or key and certificate do not belong together.
    """
    read_settings(folder)
    return _authority(folder)


def issuer(folder: HubFolder) -> Issue:
    """Return what signs a site's certificate; the authority is read when it is needed."""
    return lambda name, key: for_site(authority(folder), read_public(key), name)


def register(folder: HubFolder) -> Register:
    """Return the register of a server's sites.

    Raises:
        ConfigError: the folder is no server's.
    """
    read_settings(folder)
    return Register(folder.sites)


def invite(folder: HubFolder, name: str, hours: float = HOURS) -> str:
    """Open the way in for one site and return its token; it is kept nowhere.

    Raises:
        ConfigError: as :meth:`isofed.server.hub.register.Register.invite`.
    """
    settings = read_settings(folder)
    pin = sha256(authority(folder).pem)
    ports = (settings.enrolment_port, settings.gateway_port)
    Invitation(
        settings.host, *ports, pin, name
    )  # what no token can say is refused before the register changes
    return Invitation(settings.host, *ports, pin, name, register(folder).invite(name, hours)).token()


def _take(folder: HubFolder) -> None:
    """Close the folder to others, unless it is somebody else's."""
    known = {path.name for path in _parts(folder)}
    private_folder(folder.root)
    begun = folder.settings.exists() or folder.authority.parent.exists()
    strange = sorted(path.name for path in folder.root.iterdir() if path.name not in known)
    if strange and not begun:
        raise ConfigError(f"{folder.root} holds other things, such as '{strange[0]}'; choose an empty folder")
    folder.root.chmod(0o700)
    for part in (folder.sites, folder.logs):
        private_folder(part)


def _parts(folder: HubFolder) -> tuple[Path, ...]:
    return (folder.authority.parent, folder.key, folder.certificate, folder.secret, folder.sites, folder.logs)


def _complete(folder: HubFolder, settings: HubSettings) -> None:
    if not folder.authority.exists():
        made = new_authority(kept_key(folder.authority_key), settings.name)
        keep(folder.authority, made.pem)
    _certify(folder, settings, time.time())
    if not folder.secret.exists():
        keep(folder.secret, secrets.token_bytes(SECRET_BYTES))


def _certify(folder: HubFolder, settings: HubSettings, now: float) -> bool:
    signer, key = _authority(folder), kept_key(folder.key)
    wanted = for_server(signer, key.public_key(), [settings.host])
    if folder.certificate.exists():
        held = folder.certificate.read_bytes()
        same = _alike(held, wanted) and signed_by(held, signer.pem)
        if same and not due(held, now):
            return False
    keep(folder.certificate, wanted)
    return True


def _authority(folder: HubFolder) -> Authority:
    try:
        certificate = read_certificate(folder.authority.read_bytes())
    except OSError:
        raise ConfigError(f"{folder.authority} cannot be read; restore it from a backup") from None
    key = read_key(folder.authority_key)
    if key.public_key() != certificate.public_key():
        raise ConfigError(
            f"{folder.authority_key.name} and {folder.authority.name} do not belong together; restore both"
        )
    return Authority(key, certificate)


def _alike(one: bytes, other: bytes) -> bool:
    """Tell whether two certificates are for the same key and hosts."""
    a, b = read_certificate(one), read_certificate(other)
    return a.public_key() == b.public_key() and list(a.extensions) == list(b.extensions)
