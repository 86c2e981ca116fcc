"""``isofed server up``: Flower's SuperLink, the gateway and the enrolment, kept running until stopped."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from isofed.children import Child, alone, begun, held
from isofed.errors import ConfigError
from isofed.protocols.certificates import client_context
from isofed.protocols.keys import keep
from isofed.server.hub import authority, database
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.nodes import register_missing
from isofed.server.hub.settings import HubSettings, read_settings
from isofed.stopping import stopped_by_signals

TICK = 0.25  # seconds between two looks at the processes
START = 120.0  # seconds that each has to come to its work
AGREE = 5.0  # seconds between two comparisons of the register with the SuperLink, where nothing changed
LOCK, HOME = "up.lock", "flower"
LISTENING = "0A"  # a state in Linux's tables of sockets
HERE = Path(sys.executable).parent
Say = Callable[[str], None]


def main(folder: HubFolder, say: Say) -> int:
    """Run a server until SIGTERM or SIGINT; 0 when it was stopped.

    Args:
        folder: of ``isofed server init``.
        say: told when it is ready, and of each process that had to be started again.

    Raises:
        ConfigError: it is up already, or one of its processes cannot do its work.
    """
    settings, stop = read_settings(folder), stopped_by_signals()
    with alone(folder.root / LOCK, f"the server in {folder.root} is up already; stop the other one first"):
        _prepare(folder, settings)
        children = processes(folder, settings)
        try:
            begun(children, START, stop.is_set)
            if not stop.is_set():
                say(_ready(settings))
            _watch(folder, children, stop, say)
        finally:
            for child in reversed(children):
                child.end()
    say("the server is down")
    return 0


def processes(folder: HubFolder, settings: HubSettings) -> tuple[Child, ...]:
    """Return the server's processes, in the order in which they start; they end in the other."""
    python, root = [sys.executable, "-m"], str(folder.root)
    environment = {
        "FLWR_HOME": str(folder.root / HOME),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
    }
    commands = {
        "superlink": superlink(folder, settings),
        "gateway": [*python, "isofed.server.hub.gateway", root],
        "enrolment": [*python, "isofed.server.hub.enrolment", root],
    }
    return tuple(
        Child(name, command, folder.logs, environment, lambda name=name: answers(folder, name))  # type: ignore[misc]
        for name, command in commands.items()
    )


def superlink(folder: HubFolder, settings: HubSettings) -> list[str]:
    """Return the command of Flower's SuperLink, which listens on loopback and runs no code of an app's."""
    return [
        *(str(HERE / "flower-superlink"), "--host", "127.0.0.1", "--port", str(settings.superlink_port)),
        *("--ssl-ca-certfile", str(folder.authority), "--ssl-certfile", str(folder.certificate)),
        *("--ssl-keyfile", str(folder.key), "--database", str(folder.database)),
        *("--isolation", "process", "--superexec-auth-secret-file", str(folder.secret)),
        *("--enable-supernode-auth", "--disable-runtime-dependency-installation"),
    ]


def answers(folder: HubFolder, name: str) -> bool:
    """Return whether a process of a server's does its work.

    Args:
        folder: the server's.
        name: ``superlink``, ``gateway`` or ``enrolment``.
    """
    settings = read_settings(folder)
    port = getattr(settings, f"{name}_port")
    if name == "gateway" and (found := _listens(port)) is not None:
        return found  # who connects and shows no certificate is written down
    listen = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.listen, settings.listen)
    host = "127.0.0.1" if name == "superlink" else listen
    with suppress(OSError), socket.create_connection((host, port), timeout=1.0) as plain:
        return name == "gateway" or _greets(plain, folder)
    return False


def _listens(port: int) -> bool | None:
    """Return whether anybody on this machine listens at a port; None where the system does not say."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    if not tables[0].exists():
        return None
    lines = [line.split() for path in tables if path.exists() for line in path.read_text().splitlines()[1:]]
    return any(words[3] == LISTENING and int(words[1].rpartition(":")[2], 16) == port for words in lines)


def _greets(plain: socket.socket, folder: HubFolder) -> bool:
    """Return whether TLS comes about."""
    context = client_context(folder.authority)
    context.set_alpn_protocols(["h2", "http/1.1"])  # gRPC asks for it
    with context.wrap_socket(plain, server_hostname="localhost"):
        return True


def is_up(folder: HubFolder) -> bool:
    """Return whether another process keeps this server up."""
    return held(folder.root / LOCK)


def _ready(settings: HubSettings) -> str:
    return (
        f"{settings.name} is up: sites reach {settings.host} at ports {settings.gateway_port} (messages) and "
        f"{settings.enrolment_port} (joining)"
    )


def _prepare(folder: HubFolder, settings: HubSettings) -> None:
    for path in (folder.logs, folder.root / HOME, folder.sites):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority.refresh(folder)
    database.made(folder.database)
    # another one each time: who read it yesterday opens nothing today
    keep(folder.secret, os.urandom(authority.SECRET_BYTES))
    for host, port in [each for each in _ports(settings) if _taken(*each)]:
        raise ConfigError(f"port {port} of {host} is taken; end what holds it, or change it in hub.toml")


def _ports(settings: HubSettings) -> list[tuple[str, int]]:
    ours = [settings.gateway_port, settings.enrolment_port]
    return [("127.0.0.1", settings.superlink_port), *((settings.listen, port) for port in ours)]


def _taken(host: str, port: int) -> bool:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family):
            return False
    except OSError:
        return True


def _watch(folder: HubFolder, children: tuple[Child, ...], stop: threading.Event, say: Say) -> None:
    """Start again what ended, and let in at the SuperLink whom the register approves, as it changes."""
    sites, agreed, due, shown = authority.register(folder), None, 0.0, folder.certificate.stat().st_mtime_ns
    while not stop.wait(TICK):
        if shown != (newest := folder.certificate.stat().st_mtime_ns):
            # the others take a renewed certificate up by themselves
            shown = newest
            children[0].end()
        for child in children:
            child.look(say)
        now = time.monotonic()
        if sites.stamp() != agreed or now >= due:
            agreed, due = _agree(folder, sites.stamp(), say), now + AGREE


def _agree(folder: HubFolder, stamp: object, say: Say) -> object:
    """Return the state of the register that the SuperLink has from now on; None where it does not answer."""
    try:
        return stamp if register_missing(folder) else None
    except Exception as error:  # the server stays up whatever one site's files say
        say(f"the register and the SuperLink do not agree: {error}")
        return stamp
