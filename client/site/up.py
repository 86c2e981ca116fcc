"""``isofed site up``: the connector, Flower's SuperNode and the worker, kept running until stopped."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from isofed.children import Child, alone, begun, held
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import read_policy
from isofed.client.site.settings import Settings, read_settings
from isofed.client.site.state import read_state
from isofed.errors import ConfigError
from isofed.protocols.keys import keep
from isofed.stopping import stopped_by_signals

TICK = 0.25  # seconds between two looks at the processes
START = 120.0  # seconds that each has to come to its work; importing torch from a slow disk takes a while
RENEW = 6 * 3600.0  # seconds between two looks at the certificate
LOCK, HOME = "up.lock", "flower"
HERE = Path(sys.executable).parent
Say = Callable[[str], None]


def main(folder: SiteFolder, say: Say) -> int:
    """Run a site until SIGTERM or SIGINT; 0 when it was stopped.

    Raises:
        ConfigError: the site has not joined, is up already, or one of its processes cannot do its work.
    """
    settings = read_settings(folder.settings)
    read_policy(folder.policy)
    _refuse_strangers(folder)
    stop = stopped_by_signals()
    with alone(folder.root / LOCK, "this site is up already; stop the other isofed site up first"):
        _prepare(folder)
        children = processes(folder, settings)
        try:
            begun(children, START, stop.is_set)
            if not stop.is_set():
                say(f"{settings.name} is up: {settings.task} under {settings.level}, {settings.device}")
            _watch(folder, children, stop, say)
        finally:
            for child in reversed(children):
                child.end()
    say(f"{settings.name} is down")
    return 0


def processes(folder: SiteFolder, settings: Settings) -> tuple[Child, ...]:
    """Return the site's processes, in the order in which they start; they end in the other."""
    python, root = [sys.executable, "-m"], str(folder.root)
    environment = {
        "FLWR_HOME": str(folder.root / HOME),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        # four lines for each message are enough to fill a disk in the end; receipts say as much
        "FLWR_LOG_LEVEL": os.environ.get("FLWR_LOG_LEVEL", "WARNING"),
        "OMP_NUM_THREADS": str(settings.threads),
    }
    worker = Child("worker", [*python, "isofed.client.site.worker", root], folder.logs, environment)
    worker.there = lambda: _is_worker(folder, worker)
    return (
        Child(
            "connector",
            [*python, "isofed.client.site.connector", root],
            folder.logs,
            environment,
            lambda: answers(settings.connector_port),
        ),
        Child(
            "supernode",
            supernode(folder, settings),
            folder.logs,
            environment,
            lambda: answers(settings.supernode_port),
        ),
        worker,
    )


def supernode(folder: SiteFolder, settings: Settings) -> list[str]:
    """Return the command of Flower's SuperNode, which talks to the connector alone."""
    return [
        *(str(HERE / "flower-supernode"), "--superlink", f"127.0.0.1:{settings.connector_port}"),
        *("--root-certificates", str(folder.local / "ca.pem")),
        *("--auth-supernode-private-key", str(folder.key)),
        *("--isolation", "process", "--host", "127.0.0.1", "--port", str(settings.supernode_port)),
        *("--superexec-auth-secret-file", str(folder.secret)),
    ]


def answers(port: int) -> bool:
    """Return whether somebody listens on this machine's loopback."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def _is_worker(folder: SiteFolder, worker: Child) -> bool:
    state = read_state(folder)
    return state is not None and worker.process is not None and state.process == worker.process.pid


def _watch(folder: SiteFolder, children: tuple[Child, ...], stop: threading.Event, say: Say) -> None:
    renewal, due = Child("renew", _renewal(folder), folder.logs), time.monotonic()
    _, supernode, worker = children
    while not stop.wait(TICK):
        if worker.process is not None and worker.process.poll() is not None:
            supernode.end()  # it would wait a minute for what the worker had in hand; anew, it is asked again
        for child in children:
            child.look(say)
        if renewal.process is not None:
            renewal.process.poll()  # or it would stay in the table of processes
        if time.monotonic() >= due:
            renewal.end()
            renewal.start()
            due = time.monotonic() + RENEW
    renewal.end()


def _renewal(folder: SiteFolder) -> list[str]:
    # in a process of its own: what it needs would stay in this one's memory
    return [sys.executable, "-m", "isofed", "site", "renew", str(folder.root)]


def _refuse_strangers(folder: SiteFolder) -> None:
    if not folder.certificate.exists():
        raise ConfigError("this site has not joined yet; run isofed site join with the operator's token")


def _prepare(folder: SiteFolder) -> None:
    for path in (folder.logs, folder.memories, folder.home, folder.root / HOME):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # another one each time: who read it yesterday opens nothing today
    keep(folder.secret, os.urandom(32))


def is_up(folder: SiteFolder) -> bool:
    """Return whether another process keeps this site up."""
    return held(folder.root / LOCK)
