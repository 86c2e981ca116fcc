"""The end of the line at the site, as a process: a SuperNode before it on loopback, the gateway behind it."""

import asyncio
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from isofed.client.site.folder import SiteFolder
from isofed.client.site.line import Line
from isofed.client.site.policy import Policy, read_policy
from isofed.client.site.settings import Settings, read_settings
from isofed.protocols.certificates import client_context, loopback, server_context
from isofed.protocols.keys import for_tls, keep, read_key
from isofed.protocols.relay.fresh import Fresh
from isofed.protocols.relay.lines import Lines
from isofed.protocols.relay.server import Peer, Server
from isofed.protocols.relay.serving import until_stopped
from isofed.protocols.relay.upstream import Upstream
from isofed.stopping import process

KEEP = 60.0  # seconds for which an unused connection to the gateway is used again


def pinned() -> str:
    """Return the SHA-256 of the only bundle that this installation admits.

    Another process works it out: what makes bundles would double this one's memory for good.
    """
    code = "from isofed.protocols.runtime import bundle; print(bundle()[1])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def tls_key(folder: SiteFolder) -> Path:
    """Return the site's key in the form that OpenSSL reads; the form that Flower reads is made by joining."""
    path = folder.key.with_name("site.tls.key")
    if not path.exists():
        keep(path, for_tls(read_key(folder.key)))
    return path


def line(folder: SiteFolder, settings: Settings, bundle: Awaitable[str]) -> Line:
    """Return the line from a site's folder to its gateway."""
    key = tls_key(folder)
    shown: Fresh[ssl.SSLContext] = Fresh(
        (folder.authority, folder.certificate, key),
        lambda: client_context(folder.authority, folder.certificate, key),
    )
    gateway = Upstream(settings.host, settings.gateway_port, settings.host, shown, keep=KEEP)
    policy: Fresh[Policy] = Fresh((folder.policy,), lambda: read_policy(folder.policy))
    policy(), shown()  # what is wrong with them is found now
    names = ("receipts", "refusals", "connector")
    receipts, refusals, found = (Lines(folder.logs / f"{name}.jsonl") for name in names)
    return Line(
        folder, gateway, lambda: policy().bytes_a_round, bundle, settings.level, receipts, refusals, found
    )


async def run(
    folder: SiteFolder, stop: threading.Event, ready: Callable[[int], None], bundle: str = ""
) -> None:
    """Serve until ``stop`` is set.

    Args:
        folder: the site's.
        stop: looked at every quarter of a second.
        ready: told the port.
        bundle: SHA-256 of the bundle that is admitted; that of this installation where it is empty.
    """
    settings = read_settings(folder.settings)
    loopback(folder.local, time.time())
    local = server_context(folder.local / "server.pem", folder.local / "server.key")
    known = asyncio.ensure_future(asyncio.to_thread(lambda: bundle or pinned()))
    end = line(folder, settings, known)
    server = Server(lambda: local, end.handle, _nobody)
    work = [server.listen("127.0.0.1", settings.connector_port, ready), end.signs_of_life()]
    try:
        await until_stopped(work, stop)
    finally:
        known.cancel()
        await asyncio.gather(known, return_exceptions=True)
        end.gateway.forget()


def _nobody(peer: Peer, why: str, path: str) -> None:
    """Take no note of what fails on this machine's own loopback; the line notes what it refuses itself."""


def serve(
    folder: SiteFolder,
    stop: threading.Event,
    ready: Callable[[int], None] = lambda port: None,
    bundle: str = "",
) -> None:
    """Serve until ``stop`` is set; returns after at most a second.

    Raises:
        ConfigError: site.toml, policy.toml or a key or certificate cannot be read.
        OSError: the port is taken.
    """
    asyncio.run(run(folder, stop, ready, bundle))


main = process(serve, SiteFolder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
