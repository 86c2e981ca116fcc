"""A site as the register knows it, and how it goes invited -> pending -> approved -> revoked.

Pure functions from a site to the next one; :mod:`isofed.server.hub.register` keeps them on disk.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from isofed.errors import ConfigError
from isofed.protocols.certificates import lifetime, serial
from isofed.protocols.invitation import hashed
from isofed.protocols.keys import fingerprint

STATES = ("invited", "pending", "approved", "revoked")
OVERLAP = 86400.0  # seconds for which a certificate still holds after it was renewed
Issue = Callable[[str, str], bytes]  # a site's name and public key to its certificate, PEM


@dataclass(frozen=True)
class Site:
    """What the register knows of a site; times are seconds since 1970, 0 for never.

    Args:
        name: as in its certificate.
        state: one of :data:`STATES`.
        token_sha256: of the token's secret.
        token_until: when the token expires.
        token_used: when somebody applied with it.
        manifest: what the site says of itself.
        key: its public key as PEM, the same bytes with which Flower knows its node.
        certificate: PEM; empty before it is approved.
        serial: of the certificate, lower-case hexadecimal.
        until: when the certificate expires.
        before: the serial that was renewed last; it holds until ``before_until``.
        past: serials that hold no more.
        node: Flower's number of its node; 0 where the SuperLink does not have it yet.
        revoked_keys: fingerprints of keys that may not come back.
    """

    name: str
    state: str = "invited"
    token_sha256: str = ""
    token_until: float = 0.0
    token_used: float = 0.0
    manifest: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    certificate: str = ""
    serial: str = ""
    until: float = 0.0
    before: str = ""
    before_until: float = 0.0
    past: list[str] = field(default_factory=list)
    node: int = 0
    revoked_keys: list[str] = field(default_factory=list)
    invited_at: float = 0.0
    applied_at: float = 0.0
    approved_at: float = 0.0
    revoked_at: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Its key's name, as ``ssh-keygen -l`` writes it; empty before it applied."""
        return fingerprint(self.key) if self.key else ""

    @property
    def serials(self) -> list[str]:
        """All serials that it has or had."""
        return [number for number in (*self.past, self.before, self.serial) if number]

    def refused(self, number: str, now: float) -> str:
        """Say why a certificate of this site does not admit it; an empty text if it does."""
        if self.state != "approved":
            return f"'{self.name}' is {self.state}"
        until = {self.before: self.before_until, self.serial: self.until}.get(number or "none")
        if until is None or (now >= until and number != self.serial):
            return f"'{self.name}' has another certificate by now"
        return "" if now < until else f"the certificate of '{self.name}' expired on {day(until)}"


def invited(site: Site, secret: str, until: float, now: float) -> Site:
    """Open a token; an earlier one is void."""
    if site.state == "pending":
        raise ConfigError(f"'{site.name}' applied already; approve it, or revoke it and invite it again")
    if site.state == "approved" and now < site.until:
        raise ConfigError(
            f"'{site.name}' is approved until {day(site.until)}; to let it join anew, revoke it first"
        )
    opened = replace(_bare(site), state="invited", manifest={}, token_used=0.0, invited_at=now)
    return replace(opened, token_sha256=hashed(secret), token_until=until)


def applied(site: Site, secret: str, key: str, manifest: Mapping[str, Any], now: float) -> Site:
    """Take an application; the same key may repeat it, and is then told how it stands."""
    _admit(site, secret, key, now)
    if site.token_used and site.state != "pending":
        return site
    # a node is registered with its key, and another key makes another node
    moved = site if key == site.key else replace(site, node=0)
    asked = replace(moved, state="pending", key=key, manifest=dict(manifest))
    return replace(asked, token_used=site.token_used or now, applied_at=now)


def approved(site: Site, issue: Issue, now: float) -> Site:
    """Sign a pending site's certificate; an approved one stays as it is."""
    if site.state == "invited":
        raise ConfigError(f"'{site.name}' has not applied yet; run 'isofed site join' there with its token")
    if site.state == "revoked":
        raise ConfigError(f"'{site.name}' was revoked on {day(site.revoked_at)}; invite it again")
    if site.state == "approved":
        return site
    return _with(replace(site, state="approved", approved_at=now), issue)


def renewed(site: Site, key: str, issue: Issue, now: float) -> Site:
    """Sign a new certificate for the same key; the one before holds for :data:`OVERLAP`."""
    if site.state != "approved":
        raise ConfigError(f"'{site.name}' is {site.state}: nothing is renewed; ask the operator")
    if site.key != key:
        raise ConfigError(f"the key is not the one with which '{site.name}' joined; renewing keeps the key")
    if now >= site.until:
        raise ConfigError(
            f"the certificate of '{site.name}' expired on {day(site.until)}; ask the operator for a new token"
        )
    past = [*site.past, site.before] if site.before else site.past
    # the site may be killed before it has the new one
    kept = replace(site, past=past, before=site.serial, before_until=min(site.until, now + OVERLAP))
    return _with(kept, issue)


def revoked(site: Site, now: float) -> Site:
    """Close token and certificate, and bar the key; a revoked site stays as it is."""
    if site.state == "revoked":
        return site
    barred = [*site.revoked_keys, site.fingerprint] if site.key else site.revoked_keys
    out = replace(_bare(site), state="revoked", revoked_at=now, revoked_keys=barred)
    return replace(out, token_sha256="", node=0)


def key_is_free(key: str, site: Site, others: list[Site]) -> None:
    """Raise ConfigError if a key was revoked or is another site's."""
    mark = fingerprint(key)
    if any(mark in other.revoked_keys for other in (site, *others)):
        raise ConfigError("this key was revoked; delete the site's folder 'keys' and join with a new one")
    if any(other.key == key for other in others):
        raise ConfigError("this key is another site's; delete the folder 'keys' and join with an own one")


def day(when: float) -> str:
    """Write a time as it stands in sentences."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _admit(site: Site, secret: str, key: str, now: float) -> None:
    if not site.token_sha256 or not hmac.compare_digest(site.token_sha256, hashed(secret)):
        raise ConfigError(
            f"the token of '{site.name}' is wrong, or was replaced or revoked; ask the operator"
        )
    if site.token_used and site.key != key:
        raise ConfigError(
            f"the token of '{site.name}' was used on {day(site.token_used)} with another key; if that was "
            "not you, tell the operator, who revokes and invites again"
        )
    if not site.token_used and now >= site.token_until:
        raise ConfigError(f"the token of '{site.name}' expired on {day(site.token_until)}; ask for a new one")


def _bare(site: Site) -> Site:
    """Return a site without certificate; its serials are past ones."""
    bare = replace(site, certificate="", serial="", until=0.0, past=site.serials)
    return replace(bare, before="", before_until=0.0)


def _with(site: Site, issue: Issue) -> Site:
    signed = issue(site.name, site.key)
    until = lifetime(signed)[1]
    return replace(site, certificate=signed.decode(), serial=serial(signed), until=until)
