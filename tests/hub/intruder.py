"""Who talks to a deployment's published ports and has no business there, or less than it asks for."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from flwr.app import ArrayRecord, Message, RecordDict
from flwr.serverapp import Grid
from numpy import zeros

from isofed.client.site.folder import SiteFolder
from isofed.client.site.joining import SECONDS, Server, _asking
from isofed.protocols import certificates, fleet
from isofed.protocols.enrolment_pb2 import ChallengeRequest, CollectRequest
from isofed.protocols.keys import Private, for_tls, keep, read_key, sign
from isofed.protocols.runtime import serving, start_run
from isofed.server.hub import authority, nodes
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings, read_settings
from isofed.server.hub.sites import Site
from tests.hub.deployment import Deployment, until
from tests.hub.rooms import SERVER

PORTS = 65536


@dataclass(frozen=True)
class Intruder:
    """An attack's means; what it is given beside them, it has stolen.

    Args:
        made: what is attacked.
        spare: a folder of its own.
    """

    made: Deployment
    spare: Path

    @property
    def hub(self) -> HubFolder:
        """The server's folder."""
        return HubFolder(self.made.hub)

    @property
    def settings(self) -> HubSettings:
        """Where the server is."""
        return read_settings(self.hub)

    @property
    def authority(self) -> certificates.Authority:
        """Who signs for the server."""
        return authority.authority(self.hub)

    @property
    def enrolment(self) -> Server:
        """The enrolment service."""
        return Server(self.settings.host, self.settings.enrolment_port, self.hub.authority.read_bytes())

    def site(self, name: str) -> SiteFolder:
        """Return a site's folder."""
        return SiteFolder(self.made.site(name))

    def known(self, name: str) -> Site:
        """Return what the register knows of a site."""
        return authority.register(self.hub).site(name)

    def key(self, name: str) -> Private:
        """Return a site's private key."""
        return read_key(self.site(name).key)

    def as_site(self, name: str) -> ssl.SSLContext:
        """Return a site's TLS."""
        own = self.site(name)
        tls = own.key.with_name("site.tls.key")
        return certificates.client_context(self.hub.authority, own.certificate, tls)

    def showing(self, certificate: bytes, key: Private) -> ssl.SSLContext:
        """Return the TLS of one who trusts the authority and shows some certificate."""
        keep(self.spare / "shown.pem", certificate + for_tls(key))
        return certificates.client_context(
            self.hub.authority, self.spare / "shown.pem", self.spare / "shown.pem"
        )

    @contextmanager
    def line(self, tls: ssl.SSLContext | None) -> Iterator[socket.socket]:
        """Open a connection to the gateway; without TLS where there is none."""
        host, port = self.settings.host, self.settings.gateway_port
        with socket.create_connection((host, port), 10) as plain:
            if tls is None:
                yield plain
                return
            with tls.wrap_socket(plain, server_hostname=host) as secure:
                yield secure

    def post(
        self, tls: ssl.SSLContext, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> str:
        """Ask the gateway; return status and words of what it answers, or that it hung up."""
        talk = http.client.HTTPSConnection(
            self.settings.host, self.settings.gateway_port, context=tls, timeout=30
        )
        try:
            talk.request("POST", path, body, dict(headers or {}))
            answer = talk.getresponse()
            return f"{answer.status} {answer.read(200).decode('utf-8', 'replace')}"
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return "hung up"
        finally:
            talk.close()

    def signed(self, name: str, age: float = 0.0) -> dict[str, str]:
        """Return the headers of a request that a site signed, some seconds ago."""
        headers = fleet.as_node(self.key(name), time.time() - age)
        return {key.decode(): value.decode() for key, value in headers}

    def collecting(self, name: str) -> Callable[[], str]:
        """Return what asks the enrolment how a site stands, each time with the same signature."""
        where = self.settings.host, self.settings.enrolment_port, self.enrolment.authority
        with _asking(*where) as stub:
            nonce = stub.Challenge(ChallengeRequest(name=name), timeout=SECONDS).nonce
        signature = sign(self.key(name), b"collect", name.encode(), nonce)
        asked = CollectRequest(name=name, nonce=nonce, signature=signature)

        def collect() -> str:
            with _asking(*where) as stub:
                return str(stub.Collect(asked, timeout=SECONDS).state)

        return collect

    @contextmanager
    def run(self, cfg: str = "{}") -> Iterator[Grid]:
        """Be a server that means no good: it opens a run as it likes."""
        door = nodes.door(self.hub)
        with self.made.rooms.entered(SERVER), serving(door, start_run(door, cfg)) as grid:
            yield grid

    def order(self, grid: Grid, name: str, kind: str) -> str:
        """Send a site a message; return its number."""
        node = self.known(name).node
        until(lambda: node in grid.get_node_ids(), 60)
        content = RecordDict({"a": ArrayRecord([zeros(1)])})
        (number,) = grid.push_messages([Message(content, node, kind)])
        return number

    def answer(self, grid: Grid, number: str) -> str:
        """Return with what a site refuses."""
        found: list[Message] = []
        until(lambda: found or found.extend(grid.pull_messages([number])), 60)
        assert found[0].has_error(), "it was answered"
        return str(found[0].error.reason)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what a log of one JSON object a line holds."""
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def listening(process: int) -> set[tuple[str, str, int]]:
    """Return what a process, and those that it started, listen at: program, address, port."""
    found = set[tuple[str, str, int]]()
    for each in (psutil.Process(process), *psutil.Process(process).children(recursive=True)):
        for line in each.net_connections("inet"):
            if line.status == psutil.CONN_LISTEN or line.type == socket.SOCK_DGRAM:
                address = line.laddr.ip.removeprefix("::ffff:")  # as gRPC writes one of IPv4
                found.add((_program(each), address, line.laddr.port))
    return found


def _program(process: psutil.Process) -> str:
    words = [word.rpartition("/")[2] for word in process.cmdline()[1:]]
    return next((word.rpartition(".")[2] for word in words if "isofed" in word or "flower" in word), "?")


def open_ports(host: str) -> list[int]:
    """Return all ports at which a host takes connections; not for this machine's own loopback.

    There, a connection may now and then be one with itself.
    """
    found = []
    for port in range(1, PORTS):
        with socket.socket() as tried:
            tried.settimeout(1.0)
            if tried.connect_ex((host, port)) == 0:
                found.append(port)
    return found
