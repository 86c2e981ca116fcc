"""The enrolment service over real TLS: what it answers, what it refuses, and what it writes down of it."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from isofed.protocols.certificates import common_name, for_server, new_authority, read_certificate, request
from isofed.protocols.enrolment_pb2 import (
    ApplyRequest,
    AuthorityRequest,
    ChallengeRequest,
    CollectRequest,
    RenewRequest,
    Standing,
)
from isofed.protocols.enrolment_pb2_grpc import EnrolmentStub
from isofed.protocols.invitation import parse
from isofed.protocols.keys import Private, keep, new_key, sign
from isofed.server.hub import authority, enrolment
from isofed.server.hub.enrolment import LARGEST
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.limits import Challenges, Limits
from isofed.server.hub.settings import HubSettings, read_settings, write_settings
from tests.pace import LONG
from tests.server.hub.hub_case import free_port, lines, served, until

MANIFEST = b'{"task": "reid"}'
DENIED = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubFolder]:
    """A server whose enrolment service is up."""
    folder = HubFolder(tmp_path_factory.mktemp("enrolment") / "hub")
    ports = {key: free_port() for key in ("gateway_port", "enrolment_port", "superlink_port")}
    authority.init(folder, HubSettings("127.0.0.1", **ports))
    with served(enrolment.serve, folder):
        yield folder


@pytest.fixture
def stub(hub: HubFolder) -> Iterator[Any]:
    """A connection of somebody who trusts the authority."""
    root = grpc.ssl_channel_credentials(hub.authority.read_bytes())
    with grpc.secure_channel(read_settings(hub).enrolment, root) as channel:
        yield EnrolmentStub(channel)


def applied(hub: HubFolder, stub: Any, name: str, key: Private) -> Standing:
    """Invite a site and let it apply."""
    secret = parse(authority.invite(hub, name)).secret
    return stub.Apply(ApplyRequest(name=name, secret=secret, csr=request(key, name), manifest=MANIFEST))


def collect(stub: Any, name: str, key: Private, nonce: bytes = b"") -> Standing:
    """Ask how a site stands."""
    nonce = nonce or stub.Challenge(ChallengeRequest(name=name)).nonce
    signature = sign(key, b"collect", name.encode(), nonce)
    return stub.Collect(CollectRequest(name=name, nonce=nonce, signature=signature))


def renew(stub: Any, name: str, key: Private, csr: bytes) -> Standing:
    """Ask for a new certificate."""
    nonce = stub.Challenge(ChallengeRequest(name=name)).nonce
    signature = sign(key, b"renew", name.encode(), nonce, csr)
    return stub.Renew(RenewRequest(name=name, nonce=nonce, csr=csr, signature=signature))


def refused(work: Any, word: str, code: grpc.StatusCode = DENIED) -> None:
    """See that something is refused in a sentence with a word."""
    with pytest.raises(grpc.RpcError) as caught:
        work()
    error: Any = caught.value
    assert (error.code(), word in error.details()) == (code, True), error.details()


def test_from_a_token_to_a_renewed_certificate(hub: HubFolder, stub: Any) -> None:
    key = new_key()
    assert stub.Authority(AuthorityRequest()).certificate == hub.authority.read_bytes()
    assert applied(hub, stub, "cam1", key).state == "pending"
    assert (collect(stub, "cam1", key).state, collect(stub, "cam1", key).certificate) == ("pending", b"")
    refused(lambda: renew(stub, "cam1", key, request(key, "cam1")), "is pending")
    authority.register(hub).approve("cam1", authority.issuer(hub))
    standing = collect(stub, "cam1", key)
    assert standing.state == "approved" and common_name(standing.certificate) == "cam1"
    assert read_certificate(standing.certificate).public_key() == key.public_key()
    fresh = renew(stub, "cam1", key, request(key, "cam1"))
    assert fresh.state == "approved" and fresh.certificate != standing.certificate
    authority.register(hub).revoke("cam1")
    assert (collect(stub, "cam1", key).state, collect(stub, "cam1", key).certificate) == ("revoked", b"")
    refused(lambda: renew(stub, "cam1", key, request(key, "cam1")), "is revoked")


def test_who_may_not_is_refused_and_written_down(hub: HubFolder, stub: Any) -> None:
    mine, other = new_key(), new_key()
    secret = parse(authority.invite(hub, "cam2")).secret
    whole = ApplyRequest(name="cam2", secret=secret, csr=request(mine, "cam2"), manifest=MANIFEST)
    cases = (
        ({"secret": "wrong"}, "is wrong, or was replaced"),
        ({"name": "cam9"}, "not for 'cam9'"),
        ({"name": "cam9", "csr": request(mine, "cam9")}, "'cam9' is wrong, or was"),
        ({"name": "../cam2"}, "cannot name a site"),
        ({"csr": request(mine, "cam3")}, "not for 'cam2'"),
        ({"csr": b""}, "cannot be read"),
        ({"manifest": b'{"root": "/data"}'}, "may not say 'root'"),
        ({"manifest": b'{"entity": "/data"}'}, "could be a path"),
        ({"manifest": b" " * 20_000}, "at most 16384 bytes"),
        ({"manifest": b"\xff"}, "cannot be read"),
    )
    for change, word in cases:
        asked = replaced(whole, **change)
        refused(lambda asked=asked: stub.Apply(asked), word)  # type: ignore[misc]
    assert authority.register(hub).site("cam2").state == "invited"
    stub.Apply(whole)
    refused(lambda: stub.Apply(replaced(whole, csr=request(other, "cam2"))), "with another key")
    refused(lambda: collect(stub, "cam2", other), "not known here with this key")
    refused(lambda: collect(stub, "cam8", other), "not known here with this key")
    log = lines(hub.logs / "refusals.jsonl")
    assert {line["address"] for line in log} == {"127.0.0.1"}
    assert [line["path"] for line in log[-3:]] == ["Apply", "Collect", "Collect"]
    assert secret not in (hub.logs / "refusals.jsonl").read_text()


def replaced(message: ApplyRequest, **change: Any) -> ApplyRequest:
    """Copy a message with a change."""
    copy = ApplyRequest()
    copy.CopyFrom(message)
    for name, value in change.items():
        setattr(copy, name, value)
    return copy


def test_a_challenge_is_good_once_for_one_name_and_one_purpose(hub: HubFolder, stub: Any) -> None:
    key, other = new_key(), new_key()
    applied(hub, stub, "cam4", key)
    applied(hub, stub, "cam5", other)
    nonce = stub.Challenge(ChallengeRequest(name="cam4")).nonce
    refused(lambda: collect(stub, "cam5", other, nonce), "too old or not of this server")
    refused(lambda: collect(stub, "cam4", other, nonce), "not known here with this key")
    assert collect(stub, "cam4", key, nonce).state == "pending"
    refused(lambda: collect(stub, "cam4", key, nonce), "was used before")
    refused(lambda: collect(stub, "cam4", key, b"x" * 56), "too old or not of this server")
    # what was signed to collect does not renew
    csr, nonce = request(key, "cam4"), stub.Challenge(ChallengeRequest(name="cam4")).nonce
    signature = sign(key, b"collect", b"cam4", nonce)
    asked = RenewRequest(name="cam4", nonce=nonce, csr=csr, signature=signature)
    refused(lambda: stub.Renew(asked), "not known here with this key")


def test_a_renewal_keeps_the_key(hub: HubFolder, stub: Any) -> None:
    key = new_key()
    applied(hub, stub, "cam6", key)
    authority.register(hub).approve("cam6", authority.issuer(hub))
    refused(lambda: renew(stub, "cam6", key, request(new_key(), "cam6")), "keeps the key")
    refused(lambda: renew(stub, "cam6", key, request(key, "cam1")), "not for 'cam6'")


def test_a_large_message_is_refused_before_it_is_read(stub: Any) -> None:
    asked = ApplyRequest(name="cam1", manifest=b" " * (LARGEST + 1))
    refused(lambda: stub.Apply(asked), "larger than max", grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_without_tls_or_with_another_authority_nobody_is_spoken_to(hub: HubFolder) -> None:
    where = read_settings(hub).enrolment
    stranger = grpc.ssl_channel_credentials(new_authority(new_key(), "127.0.0.1").pem)
    for channel in (grpc.insecure_channel(where), grpc.secure_channel(where, stranger)):
        with channel:
            work = EnrolmentStub(channel).Authority
            refused(lambda work=work: work(AuthorityRequest(), timeout=LONG), "", grpc.StatusCode.UNAVAILABLE)  # type: ignore[misc]


def test_what_goes_wrong_inside_is_told_to_the_operator_alone(hub: HubFolder, stub: Any) -> None:
    key = new_key()
    applied(hub, stub, "cam7", key)
    held = (hub.sites / "cam7.json").read_bytes()
    (hub.sites / "cam7.json").write_bytes(b"{")
    refused(lambda: collect(stub, "cam7", key), "could not do it", grpc.StatusCode.INTERNAL)
    (hub.sites / "cam7.json").write_bytes(held)
    assert "cam7.json" in lines(hub.logs / "refusals.jsonl")[-1]["reason"]


def test_a_renewed_certificate_of_the_server_is_shown_to_the_next_caller(hub: HubFolder) -> None:
    settings, held = read_settings(hub), hub.certificate.read_bytes()
    signer = authority.authority(hub)
    fresh = for_server(signer, read_certificate(held).public_key(), ["127.0.0.1"])  # type: ignore[arg-type]
    keep(hub.certificate, fresh)
    shown = ssl.get_server_certificate(("127.0.0.1", settings.enrolment_port), timeout=LONG)
    assert read_certificate(shown.encode()) == read_certificate(fresh)


def test_a_port_that_is_taken_is_named(hub: HubFolder, tmp_path: Path) -> None:
    from isofed.errors import ConfigError

    second = HubFolder(tmp_path / "hub")
    authority.init(second, replace(read_settings(hub), name="second"))
    with pytest.raises(ConfigError, match="cannot listen on 127"), served(enrolment.serve, second):
        pass
    write_settings(second, replace(read_settings(second), enrolment_port=free_port()))
    with served(enrolment.serve, second) as port:
        assert port == read_settings(second).enrolment_port


def test_a_flood_of_one_address_is_stopped_and_another_is_heard() -> None:
    now = [0.0]
    limits = Limits(burst=3, per_second=1.0, clock=lambda: now[0])
    assert [limits.admits("a") for _ in range(5)] == [True, True, True, False, False]
    assert limits.admits("b")
    now[0] += 2.0
    assert [limits.admits("a") for _ in range(3)] == [True, True, False]
    for n in range(5000):
        limits.admits(f"stranger {n}")
    assert len(limits._left) <= 4096


def test_a_challenge_ages() -> None:
    now = [1000.0]
    challenges = Challenges(clock=lambda: now[0])
    nonce = challenges.new("cam1")
    assert challenges.holds("cam1", nonce) and not challenges.holds("cam2", nonce)
    assert not Challenges(clock=lambda: now[0]).holds("cam1", nonce)  # another server, or it started anew
    assert not challenges.holds("cam1", nonce[:-1]) and not challenges.holds("cam1", b"")
    assert [challenges.use(nonce), challenges.use(nonce)] == [True, False]
    now[0] += 59.0
    assert challenges.holds("cam1", nonce) and not challenges.use(nonce)
    now[0] += 2.0
    assert not challenges.holds("cam1", nonce)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:4711", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:4711", "2001:db8::1"),
        ("ipv6:[2001:db8::1]:4711", "2001:db8::1"),
        ("unix:", "unix:"),
    ],
)
def test_the_address_of_a_caller(peer: str, address: str) -> None:
    assert enrolment._address(peer) == address


def test_the_servers_certificate_is_renewed_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = HubFolder(tmp_path / "hub")
    ports = {key: free_port() for key in ("gateway_port", "enrolment_port", "superlink_port")}
    authority.init(folder, HubSettings("127.0.0.1", **ports))
    monkeypatch.setattr(enrolment, "HOUR", 0.02)
    with served(enrolment.serve, folder) as port:
        write_settings(folder, replace(read_settings(folder), host="localhost"))
        until(lambda: common_name(_held(folder)) == "localhost")
        assert read_certificate(_shown(port)) == read_certificate(_held(folder))


def _shown(port: int) -> bytes:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=LONG).encode()


def _held(folder: HubFolder) -> bytes:
    return folder.certificate.read_bytes()
