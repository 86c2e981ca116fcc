"""A site's side of the enrolment service: one connection, pinned, and what goes over it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from isofed.errors import ConfigError
from isofed.protocols.certificates import sha256, signed_by
from isofed.protocols.enrolment_pb2 import (
    ApplyRequest,
    AuthorityRequest,
    ChallengeRequest,
    CollectRequest,
    RenewRequest,
    Standing,
)
from isofed.protocols.enrolment_pb2_grpc import EnrolmentStub
from isofed.protocols.keys import Private, sign

SECONDS = 20.0  # for an answer
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 64 * 1024))


class UnreachableError(ConfigError):
    """The server does not answer; it may do so later."""


@dataclass(frozen=True)
class Server:
    """Where a site enrols.

    Args:
        host: name or address.
        port: of the enrolment service.
        authority: PEM of the pinned authority.
    """

    host: str
    port: int
    authority: bytes

    def apply(self, name: str, secret: str, csr: bytes, manifest: bytes) -> Standing:
        """Ask to be let in."""
        with _asking(self.host, self.port, self.authority) as stub:
            asked = ApplyRequest(name=name, secret=secret, csr=csr, manifest=manifest)
            return stub.Apply(asked, timeout=SECONDS)

    def collect(self, name: str, key: Private) -> Standing:
        """Ask how it stands."""
        with _asking(self.host, self.port, self.authority) as stub:
            nonce = stub.Challenge(ChallengeRequest(name=name), timeout=SECONDS).nonce
            signature = sign(key, b"collect", name.encode(), nonce)
            return stub.Collect(CollectRequest(name=name, nonce=nonce, signature=signature), timeout=SECONDS)

    def renew(self, name: str, key: Private, csr: bytes) -> Standing:
        """Ask for a new certificate."""
        with _asking(self.host, self.port, self.authority) as stub:
            nonce = stub.Challenge(ChallengeRequest(name=name), timeout=SECONDS).nonce
            signature = sign(key, b"renew", name.encode(), nonce, csr)
            asked = RenewRequest(name=name, nonce=nonce, csr=csr, signature=signature)
            return stub.Renew(asked, timeout=SECONDS)


def authority(host: str, port: int, pin: str) -> bytes:
    """Fetch the authority's certificate (PEM) from a server that nothing is known of, and hold it to its pin.

    Until the two agree nothing is said to the server, and what it says is trusted in nothing else.

    Args:
        host: name or address.
        port: of the enrolment service.
        pin: SHA-256 of the authority's certificate, 64 hexadecimal digits.

    Raises:
        ConfigError: it is another authority, or did not sign the server's certificate.
        UnreachableError: nobody answers.
    """
    try:
        shown = ssl.get_server_certificate((host, port), timeout=SECONDS).encode()
    except (OSError, ValueError):
        raise _away(host, port) from None
    # gRPC takes no connection unchecked; the certificate that was shown is root enough to ask one question
    with _asking(host, port, shown) as stub:
        found: bytes = stub.Authority(AuthorityRequest(), timeout=SECONDS).certificate
    if sha256(found) != pin or not signed_by(shown, found):
        raise ConfigError(
            f"the server at {host}:{port} is not the token's: its authority is another; tell the operator"
        )
    return found


@contextmanager
def _asking(host: str, port: int, root: bytes) -> Iterator[Any]:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with grpc.secure_channel(where, grpc.ssl_channel_credentials(root), OPTIONS) as channel:
        try:
            yield EnrolmentStub(channel)
        except grpc.RpcError as error:
            raise _told(error, host, port) from None


def _told(error: Any, host: str, port: int) -> ConfigError:
    """Turn gRPC's error into a sentence: the server's own where it said one."""
    code, said = error.code(), str(error.details())
    if "CERTIFICATE_VERIFY_FAILED" in said or "Peer name" in said:
        return ConfigError(
            f"the server at {host}:{port} shows a certificate that its authority did not sign for '{host}'; "
            "is 'host' the name in the invitation? tell the operator"
        )
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return _away(host, port)
    if code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INTERNAL):
        return ConfigError(f"the server refused: {said}")
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return UnreachableError(f"the server at {host}:{port} is busy ({said}); try again in a while")
    return ConfigError(f"the server at {host}:{port} answered {code.name}; does it run the same isofed?")


def _away(host: str, port: int) -> UnreachableError:
    return UnreachableError(
        f"the server at {host}:{port} cannot be reached; is it up, and does a firewall let the port through?"
    )
