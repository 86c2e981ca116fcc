"""The enrolment service: gRPC over TLS, published, for sites without a certificate or with an old one.

What it lets anybody do: read the authority's certificate, and be refused. A token admits one application, a
signature with the site's key shows who asks for the rest. Each refusal is a sentence and a line in the log.
"""

import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc

from isofed.errors import ConfigError, ContractError
from isofed.protocols.certificates import requested
from isofed.protocols.enrolment_pb2 import (
    ApplyRequest,
    AuthorityReply,
    AuthorityRequest,
    ChallengeReply,
    ChallengeRequest,
    CollectRequest,
    RenewRequest,
    Standing,
)
from isofed.protocols.enrolment_pb2_grpc import add_EnrolmentServicer_to_server
from isofed.protocols.invitation import checked_name
from isofed.protocols.keys import public_pem, signed
from isofed.protocols.manifest import loaded
from isofed.protocols.relay.fresh import Fresh
from isofed.protocols.relay.lines import Lines
from isofed.server.hub.authority import issuer, refresh, register
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.limits import Challenges, Limits
from isofed.server.hub.register import Register
from isofed.server.hub.settings import read_settings
from isofed.server.hub.sites import Site
from isofed.stopping import process

LARGEST = 64 * 1024  # bytes of a request
THREADS, AT_ONCE = 4, 64
HOUR = 3600.0
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST),
    ("grpc.max_concurrent_streams", 8),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 60_000),
    ("grpc.so_reuseport", 0),
)
UNKNOWN = "'{}' is not known here with this key; was it invited, and is this its folder? ask the operator"


@dataclass(frozen=True)
class Desk:
    """Who answers.

    Args:
        folder: the server's.
        register: its sites.
        refusals: what was refused, one line each.
        limits: on requests of one address.
        challenges: what is to be signed.
    """

    folder: HubFolder
    register: Register
    refusals: Lines
    limits: Limits = field(default_factory=Limits)
    challenges: Challenges = field(default_factory=Challenges)

    def Authority(self, request: AuthorityRequest, context: Any) -> AuthorityReply:
        """Give the authority's certificate."""
        return self._answer("Authority", "", context, self._authority)

    def Apply(self, request: ApplyRequest, context: Any) -> Standing:
        """Take an application."""
        return self._answer("Apply", request.name, context, lambda: self._apply(request))

    def Challenge(self, request: ChallengeRequest, context: Any) -> ChallengeReply:
        """Give something to sign."""
        return self._answer("Challenge", request.name, context, lambda: self._challenge(request))

    def Collect(self, request: CollectRequest, context: Any) -> Standing:
        """Say how a site stands."""
        return self._answer("Collect", request.name, context, lambda: self._collect(request))

    def Renew(self, request: RenewRequest, context: Any) -> Standing:
        """Sign a new certificate."""
        return self._answer("Renew", request.name, context, lambda: self._renew(request))

    def _authority(self) -> AuthorityReply:
        return AuthorityReply(certificate=self.folder.authority.read_bytes())

    def _apply(self, request: ApplyRequest) -> Standing:
        name = checked_name(request.name)
        key = public_pem(requested(request.csr, name))
        return self._standing(self.register.apply(name, request.secret, key, loaded(request.manifest)))

    def _challenge(self, request: ChallengeRequest) -> ChallengeReply:
        return ChallengeReply(nonce=self.challenges.new(checked_name(request.name)))

    def _collect(self, request: CollectRequest) -> Standing:
        site = self._caller(request.name, request.nonce, request.signature, b"collect")
        return self._standing(site)

    def _renew(self, request: RenewRequest) -> Standing:
        name = checked_name(request.name)
        self._caller(name, request.nonce, request.signature, b"renew", request.csr)
        key = public_pem(requested(request.csr, name))
        return self._standing(self.register.renew(name, key, issuer(self.folder)))

    def _caller(self, name: str, nonce: bytes, signature: bytes, what: bytes, *parts: bytes) -> Site:
        """Return the site that signed what was asked."""
        if not self.challenges.holds(checked_name(name), nonce):
            raise ConfigError("the challenge is too old or not of this server; ask for a new one")
        known = self.register.known(name)
        if not known.key or not signed(known.key, signature, what, name.encode(), nonce, *parts):
            raise ConfigError(UNKNOWN.format(name))
        if not self.challenges.use(nonce):
            raise ConfigError("the challenge was used before; ask for a new one")
        return known

    def _standing(self, site: Site) -> Standing:
        certificate = site.certificate.encode() if site.state == "approved" else b""
        return Standing(state=site.state, certificate=certificate, now=self.register.now())

    def _answer(self, what: str, name: str, context: Any, work: Callable[[], Any]) -> Any:
        address = _address(context.peer())
        if not self.limits.admits(address):
            # no line for each: a flood is to fill no log
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests")
        try:
            return work()
        except (ConfigError, ContractError) as error:
            code, why = grpc.StatusCode.PERMISSION_DENIED, str(error)
        except Exception as error:  # gRPC would send its text
            code, why = grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}"
        self.refusals.write(site=name[:40], address=address, path=what, reason=why)
        # what is wrong inside is for the operator alone
        inside = code == grpc.StatusCode.INTERNAL
        context.abort(
            code, "the server could not do it; its operator finds why in its log" if inside else why
        )


def desk(folder: HubFolder) -> Desk:
    """Return who answers for a server's folder."""
    return Desk(folder, register(folder), Lines(folder.logs / "refusals.jsonl"))


def serve(folder: HubFolder, stop: threading.Event, ready: Callable[[int], None] = lambda port: None) -> None:
    """Serve until ``stop`` is set; returns after at most a second.

    Args:
        folder: the server's.
        stop: ends it.
        ready: told the port, once it listens.

    Raises:
        ConfigError: the folder is no server's, or the port is taken.
    """
    settings = read_settings(folder)
    refresh(folder)
    with ThreadPoolExecutor(THREADS, "enrolment") as pool:
        server = grpc.server(pool, options=OPTIONS, maximum_concurrent_rpcs=AT_ONCE)
        add_EnrolmentServicer_to_server(desk(folder), server)
        try:
            port = server.add_secure_port(settings.enrolment, _credentials(folder))
        except RuntimeError:
            raise ConfigError(
                f"enrolment cannot listen on {settings.enrolment}; end what holds it, or change hub.toml"
            ) from None
        server.start()
        ready(port)
        while not stop.wait(HOUR):
            _keep_fresh(folder)
        server.stop(grace=0.5).wait()


def _keep_fresh(folder: HubFolder) -> None:
    """Renew the server's certificate in time; what hinders it now may not in an hour."""
    with suppress(ConfigError, OSError):
        refresh(folder)


def _credentials(folder: HubFolder) -> grpc.ServerCredentials:
    """Return the server's TLS; a renewed certificate is taken up with the next connection."""
    files = (folder.certificate, folder.key)
    held = Fresh(files, lambda: _configuration(folder))
    first = held()
    given = [first]

    def fetch() -> Any:
        newest = held()
        if newest is given[0]:
            return None
        given[0] = newest
        return newest

    return grpc.dynamic_ssl_server_credentials(first, fetch, False)


def _configuration(folder: HubFolder) -> Any:
    pair = (folder.key.read_bytes(), folder.certificate.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair])


def _address(peer: str) -> str:
    """Cut ``ipv4:192.0.2.1:4711`` down to the address."""
    return re.sub(r"^ipv[46]:|:\d+$|%5B|%5D|[][]", "", peer)


main = process(serve, HubFolder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
