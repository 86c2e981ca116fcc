"""The register of sites: one JSON file a site, changed under a lock, each change whole or not made.

What a site is admitted with is its certificate's serial number, and the register alone says which serials
hold: revoking one needs no list that somebody must fetch.
"""

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from isofed.config import read, within
from isofed.errors import CheckpointError, ConfigError
from isofed.protocols.invitation import checked_name, new_secret
from isofed.protocols.keys import keep, private_folder
from isofed.server.hub.sites import Issue, Site, applied, approved, invited, key_is_free, renewed, revoked
from isofed.suggest import unknown

HOURS = 48.0  # for which a token is open
Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Register:
    """The sites of a server.

    Args:
        folder: ``HubFolder.sites``.
        now: the clock, seconds since 1970.
    """

    folder: Path
    now: Callable[[], float] = time.time
    _seen: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def sites(self) -> list[Site]:
        """Return all sites by name."""
        return [self._read(path) for path in self._files()]

    def site(self, name: str) -> Site:
        """Return one site.

        Raises:
            ConfigError: there is none of that name; the nearest one is named.
        """
        path = self._path(name)
        if path.exists():
            return self._read(path)
        if known := [other.stem for other in self._files()]:
            raise unknown("site", name, known)
        raise ConfigError(f"unknown site '{name}'; nobody was invited yet: isofed server invite DIR {name}")

    def known(self, name: str) -> Site:
        """Return one site, or a new one that nobody has invited."""
        path = self._path(name)
        return self._read(path) if path.exists() else Site(name)

    def by_certificate(self, number: str) -> Site | None:
        """Return the site that has, or had, a certificate; ask it whether it is :meth:`Site.refused`.

        Quick enough for every request: the files are read again only when one of them changed.

        Args:
            number: the serial, as :func:`isofed.protocols.certificates.serial` writes it.
        """
        # the stamp is taken first: what changes while the files are read is read again next time
        if (stamp := self.stamp()) != self._seen.get("stamp"):
            found = {each: site for site in self.sites() for each in site.serials}
            self._seen.update(found=found, stamp=stamp)
        site: Site | None = self._seen["found"].get(number)
        return site

    def stamp(self) -> Stamp:
        """Return a value that changes whenever a file of the register does."""
        each = ((path.name, path.stat()) for path in self._files())
        return tuple((name, s.st_ino, s.st_mtime_ns, s.st_size) for name, s in each)

    def invite(self, name: str, hours: float = HOURS) -> str:
        """Open a token for a site and return its secret, which is kept nowhere; an earlier token is void.

        Raises:
            ConfigError: the site is pending or approved, or ``hours`` is not between 0.01 and 8760.
        """
        within("hours", hours, 0.01, 8760)
        with self._locked():
            secret, now = new_secret(), self.now()
            self._write(invited(self.known(name), secret, now + hours * 3600, now))
            return secret

    def apply(self, name: str, secret: str, key: str, manifest: Mapping[str, Any]) -> Site:
        """Take a site's application; the same key may repeat it until it is approved.

        Args:
            name: of the site.
            secret: of the token.
            key: public, PEM; whoever calls has seen that the site holds the private one.
            manifest: checked.

        Raises:
            ConfigError: a wrong, expired, replaced or used token, or a key that is revoked or another site's.
        """
        with self._locked():
            # of a site that does not exist nobody outside learns more than of a wrong token
            before = self.known(name)
            site = applied(before, secret, key, manifest, self.now())
            key_is_free(key, before, [other for other in self.sites() if other.name != name])
            return self._write(site)

    def approve(self, name: str, issue: Issue) -> Site:
        """Sign a pending site's certificate; an approved one stays as it is.

        Raises:
            ConfigError: it has not applied, or was revoked.
        """
        with self._locked():
            return self._write(approved(self.site(name), issue, self.now()))

    def renew(self, name: str, key: str, issue: Issue) -> Site:
        """Sign a new certificate for an approved site's same key; the one before holds a day longer.

        Raises:
            ConfigError: the site is not approved, its certificate expired, or the key is not its own.
        """
        with self._locked():
            return self._write(renewed(self.site(name), key, issue, self.now()))

    def revoke(self, name: str) -> Site:
        """Let a site in no more, from now on; a revoked one stays as it is."""
        with self._locked():
            return self._write(revoked(self.site(name), self.now()))

    def noted(self, name: str, node: int) -> Site:
        """Note the number which Flower gave to an approved site's node; of another it is not wanted."""
        with self._locked():
            site = self.site(name)
            return self._write(replace(site, node=node)) if site.state == "approved" else site

    def _path(self, name: str) -> Path:
        return self.folder / f"{checked_name(name)}.json"

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.json"))

    def _read(self, path: Path) -> Site:
        try:
            return read(Site, json.loads(path.read_bytes()), path.name)
        except (OSError, ValueError, ConfigError):
            raise CheckpointError(
                f"the register's {path.name} cannot be read; restore it, or delete it and invite again"
            ) from None

    def _write(self, site: Site) -> Site:
        path, content = self._path(site.name), (json.dumps(asdict(site), indent=1) + "\n").encode()
        if not path.exists() or path.read_bytes() != content:
            keep(path, content)
        return site

    @contextmanager
    def _locked(self) -> Iterator[None]:
        private_folder(self.folder)
        with (self.folder / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for left in self.folder.glob(".*.partial"):  # of a process that was killed in between
                left.unlink(missing_ok=True)
            yield
