"""Where a deployed site keeps its things."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SiteFolder:
    """The folder that ``isofed site init`` makes; only its owner may look into it (mode 0700).

    Args:
        root: the folder.
    """

    root: Path

    @property
    def settings(self) -> Path:
        """site.toml: name, task, data, level, device, and where the server is."""
        return self.root / "site.toml"

    @property
    def policy(self) -> Path:
        """policy.toml: what this site does at most."""
        return self.root / "policy.toml"

    @property
    def key(self) -> Path:
        """The site's private key (P-384, OpenSSH PEM), mode 0600: for TLS and for Flower."""
        return self.root / "keys" / "site.key"

    @property
    def certificate(self) -> Path:
        """The site's certificate, PEM; there once the operator approved."""
        return self.root / "keys" / "site.pem"

    @property
    def authority(self) -> Path:
        """The server's authority, PEM; pinned when the site joined."""
        return self.root / "keys" / "ca.pem"

    @property
    def local(self) -> Path:
        """Folder of the certificate with which the connector meets this machine's SuperNode."""
        return self.root / "keys" / "local"

    @property
    def secret(self) -> Path:
        """What opens the SuperNode's Runtime API, 32 raw bytes, mode 0600."""
        return self.root / "keys" / "runtime.secret"

    @property
    def memories(self) -> Path:
        """One folder for each run: what the site remembers."""
        return self.root / "memory"

    @property
    def home(self) -> Path:
        """Caches that outlive a run, and the site's secret."""
        return self.root / "home"

    @property
    def logs(self) -> Path:
        """What the processes say; answers.jsonl is what left, refusals.jsonl what was refused."""
        return self.root / "log"
