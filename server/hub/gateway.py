"""The published door to the SuperLink, as a process: mutual TLS in front, TLS on loopback behind."""

import asyncio
import ssl
import sys
import threading
from collections.abc import Callable

from isofed.protocols.certificates import client_context, server_context
from isofed.protocols.relay.fresh import Fresh
from isofed.protocols.relay.lines import Lines
from isofed.protocols.relay.server import Server
from isofed.protocols.relay.serving import until_stopped
from isofed.protocols.relay.upstream import Upstream
from isofed.protocols.relay.wire import LIMITS
from isofed.server.hub.bell import Bell
from isofed.server.hub.contacts import Contacts
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.front import Front
from isofed.server.hub.gate import Gate
from isofed.server.hub.register import Register
from isofed.server.hub.settings import read_settings
from isofed.stopping import process


def gate(folder: HubFolder) -> Gate:
    """Return the gateway of a server's folder."""
    settings = read_settings(folder)
    trust = Fresh((folder.authority,), lambda: client_context(folder.authority))
    superlink = Upstream("127.0.0.1", settings.superlink_port, "127.0.0.1", trust)
    contacts, refusals = Contacts.open(folder.contacts), Lines(folder.logs / "refusals.jsonl")
    return Gate(Register(folder.sites), superlink, Bell(folder.database), contacts, refusals)


async def run(folder: HubFolder, stop: threading.Event, ready: Callable[[int], None]) -> None:
    """Serve until ``stop`` is set.

    Args:
        folder: the server's.
        stop: looked at every quarter of a second.
        ready: told the port.
    """
    settings, door = read_settings(folder), gate(folder)
    files = (folder.certificate, folder.key, folder.authority)
    context: Fresh[ssl.SSLContext] = Fresh(files, lambda: server_context(*files))
    context()  # a wrong certificate is found now
    front = Front.of(folder)
    server = Server(context, door.handle, door.refused, LIMITS, front.speaks, front.is_it)
    work = [server.listen(settings.listen, settings.gateway_port, ready), door.bell.watch()]
    try:
        await until_stopped(work, stop, lambda: _tend(server, door, front))
    finally:
        door.superlink.forget()


def _tend(server: Server, door: Gate, front: Front) -> None:
    """End what belongs to sites that are admitted no more; write down who was heard of."""
    out = {peer for peer in set(server.live.values()) if not front.is_it(peer) and door.outcast(peer)}
    server.drop(out.__contains__)
    door.contacts.write()


def serve(folder: HubFolder, stop: threading.Event, ready: Callable[[int], None] = lambda port: None) -> None:
    """Serve until ``stop`` is set; returns after at most a second.

    Raises:
        ConfigError: hub.toml or a certificate cannot be read.
        OSError: the port is taken.
    """
    asyncio.run(run(folder, stop, ready))


main = process(serve, HubFolder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
