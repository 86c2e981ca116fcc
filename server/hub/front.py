"""A proxy of the operator's own in front of the gateway: it is believed for which site it speaks."""

import base64
import ssl
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from isofed.errors import ConfigError
from isofed.protocols.certificates import signed_by
from isofed.protocols.relay.fresh import Fresh
from isofed.protocols.relay.server import Exchange, Peer
from isofed.protocols.relay.wire import header
from isofed.server.hub.folder import HubFolder

NAME = "reverse proxy"  # no site's: theirs have no spaces
CERTIFICATE, ADDRESS = b"isofed-certificate", b"isofed-address"


@dataclass(frozen=True)
class Front:
    """What tells the operator's proxy from a site, and whom it speaks for.

    Args:
        certificate: the proxy's, DER; empty where there is none.
        authority: PEM of the authority.
    """

    certificate: Fresh[bytes]
    authority: Fresh[bytes]

    @classmethod
    def of(cls, folder: HubFolder) -> "Front":
        """Look for a proxy's certificate in a server's folder, now and whenever it changes."""
        pem = folder.root / "proxy" / "proxy.pem"
        mine = Fresh((pem,), lambda: _der(pem.read_text()) if pem.exists() else b"")
        return cls(mine, Fresh((folder.authority,), folder.authority.read_bytes))

    def is_it(self, peer: Peer) -> bool:
        """Tell whether somebody is the proxy."""
        return bool(peer.certificate) and peer.certificate == self.certificate()

    def speaks(self, exchange: Exchange) -> Peer:
        """Return who asks: for the proxy, whom it names; for everybody else, itself and whatever it says."""
        if not self.is_it(exchange.peer):
            return exchange.peer
        headers = exchange.head.headers
        told = _der(unquote(header(headers, CERTIFICATE).decode("latin-1")))
        address = header(headers, ADDRESS).decode("latin-1")[:64] or exchange.peer.address
        # a proxy that was told to let everybody in is still not believed
        return Peer(address, told if told and _ours(told, self.authority()) else b"")


@lru_cache(maxsize=1024)
def _ours(certificate: bytes, authority: bytes) -> bool:
    try:
        return signed_by(certificate, authority)
    except ConfigError:
        return False


def _der(text: str) -> bytes:
    """Read PEM, as nginx gives it, or DER in base64, as Caddy does; nothing where it is neither."""
    try:
        if "BEGIN" in text:
            return ssl.PEM_cert_to_DER_cert(text.strip())
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
