"""A server's folder with approved sites, and the processes around it, for tests: all on loopback."""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from isofed.client.site import connector
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import first_policy, write_policy
from isofed.client.site.settings import Settings
from isofed.client.site.settings import write_settings as write_site
from isofed.protocols import certificates
from isofed.protocols.keys import for_flower, for_tls, keep, new_key, public_pem, read_public
from isofed.protocols.runtime import Door, bundle, register_node
from isofed.server.hub import database, gateway
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.register import Register
from isofed.server.hub.settings import HubSettings, write_settings
from tests.pace import LONG


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Hub:
    """A server's folder, its settings and who signs."""

    folder: HubFolder
    settings: HubSettings
    authority: certificates.Authority

    @property
    def register(self) -> Register:
        """Who may come."""
        return Register(self.folder.sites)

    @property
    def door(self) -> Door:
        """The SuperLink's."""
        return Door(self.settings.superlink, self.folder.secret.read_bytes(), self.authority.pem)


def made_hub(root: Path, host: str = "127.0.0.1") -> Hub:
    """Make a server's folder."""
    folder = HubFolder(root)
    settings = HubSettings(
        host, gateway_port=free_port(), enrolment_port=free_port(), superlink_port=free_port()
    )
    write_settings(folder, settings)
    authority = certificates.new_authority(new_key(), "test")
    key = new_key()
    keep(folder.authority, authority.pem)
    keep(folder.authority_key, for_tls(authority.key))
    keep(folder.key, for_tls(key))
    keep(folder.certificate, certificates.for_server(authority, key.public_key(), [host]))
    keep(folder.secret, secrets.token_bytes(32))
    return Hub(folder, settings, authority)


def made_site(
    hub: Hub, root: Path, name: str, node: int = 7, days: float = 90, **manifest: Any
) -> SiteFolder:
    """Make a site's folder, and have it approved."""
    folder, key, register = SiteFolder(root), new_key(), hub.register
    pem = public_pem(key.public_key())
    register.apply(name, register.invite(name), pem, {"task": "reid", **manifest})

    def issue(name: str, key: str) -> bytes:
        return certificates.for_site(hub.authority, read_public(key), name, days)

    site = register.approve(name, issue)
    register.noted(name, node)
    keep(folder.key, for_flower(key))
    keep(folder.key.with_name("site.tls.key"), for_tls(key))
    keep(folder.certificate, site.certificate.encode())
    keep(folder.authority, hub.authority.pem)
    keep(folder.secret, secrets.token_bytes(32))
    settings = Settings(
        name=name, task="reid", layout="sysu", root=str(root), host="127.0.0.1",
        gateway_port=hub.settings.gateway_port, connector_port=free_port(), supernode_port=free_port(),
    )  # fmt: skip
    write_site(folder.settings, settings)
    write_policy(folder.policy, first_policy(settings))
    return folder


@contextmanager
def served(serve: Callable[..., None], folder: Any, **more: Any) -> Iterator[int]:
    """Let gateway or connector serve in a thread; yield its port."""
    stop, ready, ports, failed = threading.Event(), threading.Event(), [], []

    def told(port: int) -> None:
        ports.append(port)
        ready.set()

    def work() -> None:
        try:
            serve(folder, stop, told, **more)
        except BaseException as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(LONG)
        if failed:
            raise failed[0]
        yield ports[0]
    finally:
        stop.set()
        thread.join(LONG)
        assert not thread.is_alive()


def opened(hub: Hub) -> Any:
    """Let the gateway serve."""
    return served(gateway.serve, hub.folder)


def connected(site: SiteFolder, **more: Any) -> Any:
    """Let a site's connector serve."""
    return served(connector.serve, site, **more)


@contextmanager
def process(arguments: list[str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of this Python's folder with a Flower home of its own; killed in the end."""
    home.mkdir(parents=True, exist_ok=True)
    extra = {"FLWR_HOME": str(home), "FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    program = Path(sys.executable).parent / arguments[0]
    with (home / "log").open("ab") as log:
        running = subprocess.Popen(
            [str(program), *arguments[1:]], env={**os.environ, **extra}, stdout=log, stderr=log
        )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@contextmanager
def superlink(hub: Hub) -> Iterator[subprocess.Popen[bytes]]:
    """Run Flower's SuperLink as a server does."""
    folder = hub.folder
    database.made(folder.database)
    options = {
        "--host": "127.0.0.1",
        "--port": str(hub.settings.superlink_port),
        "--isolation": "process",
        "--ssl-ca-certfile": str(folder.authority),
        "--ssl-certfile": str(folder.certificate),
        "--ssl-keyfile": str(folder.key),
        "--database": str(folder.database),
        "--superexec-auth-secret-file": str(folder.secret),
    }
    flags = ["--enable-supernode-auth", "--disable-runtime-dependency-installation"]
    words = [word for pair in options.items() for word in pair]
    with process(["flower-superlink", *words, *flags], folder.root / "flower") as running:
        url = f"https://127.0.0.1:{hub.settings.superlink_port}/health"
        context = certificates.client_context(folder.authority)
        with httpx.Client(verify=context) as client:
            until(lambda: client.get(url).status_code == 200)
        yield running


@contextmanager
def supernode(site: SiteFolder, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run Flower's SuperNode as a site does, behind the connector at a port."""
    words = {
        "--superlink": f"127.0.0.1:{port}",
        "--root-certificates": str(site.local / "ca.pem"),
        "--auth-supernode-private-key": str(site.key),
        "--isolation": "process",
        "--host": "127.0.0.1",
        "--port": site_door(site).address.split(":")[1],
        "--superexec-auth-secret-file": str(site.secret),
    }
    with process(
        ["flower-supernode", *[word for pair in words.items() for word in pair]], site.home / "flower"
    ) as running:
        yield running


def site_door(site: SiteFolder) -> Door:
    """Return the door of a site's SuperNode."""
    settings = connector.read_settings(site.settings)
    return Door(f"127.0.0.1:{settings.supernode_port}", site.secret.read_bytes())


def known(hub: Hub, *names: str) -> None:
    """Tell the SuperLink of sites."""
    for name in names:
        hub.register.noted(name, register_node(hub.door, hub.register.site(name).key.encode()))


def until(done: Callable[[], Any], most: float = LONG) -> Any:
    """Wait until something is there; return it."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        try:
            if found := done():
                return found
        except (httpx.HTTPError, OSError):
            pass
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what a log of one JSON object a line holds."""
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


@contextmanager
def echoing(hub: Hub, site: SiteFolder) -> Iterator[None]:
    """Run all of a site, with a worker that says what it was asked."""
    worker = str(Path(__file__).with_name("echo_worker.py"))
    with connected(site, bundle=bundle()[1]) as port, supernode(site, port):
        door = site_door(site)
        with process(["python", worker, door.address, str(site.secret)], site.home / "worker"):
            yield
