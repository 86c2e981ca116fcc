"""``isofed site join``: from an invitation to a certificate, in steps that may be cut short and repeated."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from isofed.client.site.folder import SiteFolder
from isofed.client.site.joining import Server, UnreachableError, authority
from isofed.client.site.settings import Settings, read_settings, write_settings
from isofed.errors import ConfigError
from isofed.protocols.certificates import (
    common_name,
    due,
    lifetime,
    read_certificate,
    request,
    sha256,
    signed_by,
)
from isofed.protocols.enrolment_pb2 import Standing
from isofed.protocols.invitation import Invitation, parse
from isofed.protocols.keys import Private, fingerprint, for_tls, keep, kept_key, public_pem
from isofed.protocols.manifest import checked, dumped

EVERY = 3.0  # seconds between two looks whether the operator approved
Say = Callable[[str], None]
MEND = {  # by how a site stands that has applied before
    "invited": "give the new token to isofed site join --anew",
    "revoked": "ask for a new token, delete the site's folder 'keys', and join with it",
}


def join(
    folder: SiteFolder,
    manifest: Callable[[], Mapping[str, Any]],
    token: str = "",
    wait: float = 0.0,
    say: Say = lambda text: None,
) -> str:
    """Apply with a token, or ask how an earlier application stands; store the certificate once it is there.

    Args:
        folder: of ``isofed site init``.
        manifest: what the site says of itself; called when it applies.
        token: the operator's; empty to go on where an earlier call stopped.
        wait: seconds to wait for the operator's approval.
        say: told what happens.

    Returns:
        ``"approved"`` or ``"pending"``.

    Raises:
        ConfigError: the server refused, is another one than the token's, or cannot be reached.
        ContractError: the manifest says what it may not.
    """
    if token:
        standing = _apply(folder, parse(token), manifest, say)
    elif folder.authority.exists():
        standing = _ask(folder)
    else:
        raise ConfigError("this site has not applied yet; give it the operator's token")
    end = time.monotonic() + wait
    while not _stored(folder, standing, say) and time.monotonic() < end:
        time.sleep(min(EVERY, max(0.0, end - time.monotonic())))
        standing = _asked_again(folder, standing)
    return str(standing.state)


def renew(folder: SiteFolder, now: float | None = None) -> bool:
    """Renew the certificate if two thirds of its lifetime have passed; may be called at any time.

    Args:
        folder: of a site that joined.
        now: seconds since 1970; the clock's if None.

    Returns:
        Whether there is a new certificate.

    Raises:
        ConfigError: the server refused, as it does when the site is revoked or its certificate expired.
        UnreachableError: it does not answer; ask again later.
    """
    if not due(_held(folder), time.time() if now is None else now):
        return False
    settings, key = read_settings(folder.settings), _keys(folder)
    csr = request(key, settings.name)
    return _stored(folder, _server(folder, settings).renew(settings.name, key, csr))


def expires(folder: SiteFolder) -> float:
    """Return when the certificate expires, seconds since 1970."""
    return lifetime(_held(folder))[1]


def tls_key(folder: SiteFolder) -> Path:
    """Return where the private key stands in the form that TLS reads; ``folder.key`` is Flower's form."""
    return folder.key.with_name("site.tls.key")


def _apply(
    folder: SiteFolder, invitation: Invitation, manifest: Callable[[], Mapping[str, Any]], say: Say
) -> Standing:
    settings = read_settings(folder.settings)
    if invitation.name != settings.name:
        raise ConfigError(
            f"the token is for '{invitation.name}', but this site is '{settings.name}'; "
            "change the name in site.toml, or ask the operator for a token of this name"
        )
    pinned, key = _pinned(folder, invitation), _keys(folder)
    server = Server(invitation.host, invitation.enrolment_port, pinned)
    csr, told = request(key, settings.name), dumped(checked(manifest()))
    standing = server.apply(settings.name, invitation.secret, csr, told)
    # only now: what is refused leaves no trace, and the next call asks for a token again
    known = replace(settings, host=invitation.host, enrolment_port=invitation.enrolment_port)
    write_settings(folder.settings, replace(known, gateway_port=invitation.gateway_port))
    keep(folder.authority, pinned)
    say(f"{settings.name} applied; its key is {fingerprint(public_pem(key.public_key()))}")
    return standing


def _pinned(folder: SiteFolder, invitation: Invitation) -> bytes:
    """Return the authority of the invitation; a site that joined one server does not go to another."""
    if folder.authority.exists():
        held = folder.authority.read_bytes()
        if sha256(held) == invitation.ca_sha256:
            return held
        if folder.certificate.exists():
            raise ConfigError("this site joined another server; make a folder of its own for each server")
    return authority(invitation.host, invitation.enrolment_port, invitation.ca_sha256)


def _ask(folder: SiteFolder) -> Standing:
    settings = read_settings(folder.settings)
    return _server(folder, settings).collect(settings.name, _keys(folder))


def _asked_again(folder: SiteFolder, before: Standing) -> Standing:
    """Ask while waiting; a server that is away for a moment is waited for as well."""
    try:
        return _ask(folder)
    except UnreachableError:
        return before


def _server(folder: SiteFolder, settings: Settings) -> Server:
    return Server(settings.host, settings.enrolment_port, folder.authority.read_bytes())


def _keys(folder: SiteFolder) -> Private:
    """Read the site's key, made at the first time; in both forms, whichever a killed process left out."""
    key = kept_key(folder.key, "flower")
    wanted = for_tls(key)
    if not tls_key(folder).exists() or tls_key(folder).read_bytes() != wanted:
        keep(tls_key(folder), wanted)
    return key


def _stored(folder: SiteFolder, standing: Standing, say: Say = lambda text: None) -> bool:
    """Store the certificate of a standing, if it has one that is this site's."""
    if standing.state == "pending":
        return False
    if standing.state != "approved":
        mend = MEND.get(standing.state, "ask the operator how that may be")
        raise ConfigError(f"the operator's register has this site as {standing.state}; {mend}")
    _check(folder, standing.certificate, standing.now)
    if not folder.certificate.exists() or folder.certificate.read_bytes() != standing.certificate:
        keep(folder.certificate, standing.certificate)
    say(f"approved; the certificate is in {folder.certificate.name}")
    return True


def _check(folder: SiteFolder, certificate: bytes, now: float) -> None:
    own, name = _keys(folder).public_key(), read_settings(folder.settings).name
    right = signed_by(certificate, folder.authority.read_bytes()) and common_name(certificate) == name
    if not right or read_certificate(certificate).public_key() != own:
        raise ConfigError("the server sent a certificate that is not for this site; tell the operator")
    if lifetime(certificate)[1] <= now:
        raise ConfigError(
            "this site's certificate expired; ask the operator for a new token, and give it to isofed site "
            "join --anew"
        )


def _held(folder: SiteFolder) -> bytes:
    try:
        return folder.certificate.read_bytes()
    except OSError:
        raise ConfigError("this site has no certificate; run 'isofed site join' first") from None
