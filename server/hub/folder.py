"""Where the server of a deployed federation keeps its things."""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HubFolder:
    """The folder that ``isofed server init`` makes; only its owner may look into it (mode 0700).

    Args:
        root: the folder.
    """

    root: Path

    @property
    def quoted(self) -> str:
        """The folder as it is written in a shell."""
        return shlex.quote(str(self.root))

    @property
    def settings(self) -> Path:
        """hub.toml: name, host and ports."""
        return self.root / "hub.toml"

    @property
    def authority_key(self) -> Path:
        """The authority's private key, mode 0600."""
        return self.root / "authority" / "ca.key"

    @property
    def authority(self) -> Path:
        """The authority's certificate, PEM."""
        return self.root / "authority" / "ca.pem"

    @property
    def key(self) -> Path:
        """The server's private key, mode 0600."""
        return self.root / "server.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, PEM."""
        return self.root / "server.pem"

    @property
    def secret(self) -> Path:
        """What opens the SuperLink's Runtime API, 32 raw bytes, mode 0600."""
        return self.root / "runtime.secret"

    @property
    def database(self) -> Path:
        """The SuperLink's database."""
        return self.root / "superlink.db"

    @property
    def sites(self) -> Path:
        """The register: one JSON file a site."""
        return self.root / "sites"

    @property
    def contacts(self) -> Path:
        """contacts.json: when each site was last heard of, written by the gateway."""
        return self.root / "contacts.json"

    @property
    def logs(self) -> Path:
        """What the processes say; refusals.jsonl is what was refused, and to whom."""
        return self.root / "log"
