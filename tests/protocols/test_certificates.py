"""Certificates hold what they should, for whom they should; TLS takes them, and nothing else."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.protocols.certificates import (
    AUTHORITY_DAYS,
    Authority,
    client_context,
    common_name,
    due,
    for_server,
    for_site,
    lifetime,
    loopback,
    new_authority,
    read_certificate,
    request,
    requested,
    serial,
    server_context,
    sha256,
    signed_by,
)
from isofed.protocols.keys import for_tls, keep, new_key

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True)
AUTHORITY = new_authority(new_key(), "test")
STRANGER = new_authority(new_key(), "test")  # the same name, another key
KEY = new_key()
DAY = 86400


@given(NAMES)
def test_a_site_gets_a_certificate_for_its_name_and_key_and_nothing_else(name: str) -> None:
    content = for_site(AUTHORITY, requested(request(KEY, name), name), name)
    read = read_certificate(content)
    assert common_name(content) == name
    assert read.public_key() == KEY.public_key()
    assert serial(content) == f"{read.serial_number:x}"
    assert signed_by(content, AUTHORITY.pem) and not signed_by(content, STRANGER.pem)
    uses = read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_what_a_request_asks_beside_its_name_is_not_signed() -> None:
    """A site that wants to be an authority, or a server, gets what all sites get."""
    named = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "cam1")])
    asked = x509.CertificateSigningRequestBuilder().subject_name(named)
    asked = asked.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    asked = asked.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("hub.example.org")]), critical=False
    )
    csr = asked.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)
    read = read_certificate(for_site(AUTHORITY, requested(csr, "cam1"), "cam1"))
    assert not read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        read.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_a_request_of_another_name_key_or_signature_is_refused() -> None:
    good = request(KEY, "cam1")
    der = bytearray(x509.load_pem_x509_csr(good).public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    named = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "cam1")])
    small = x509.CertificateSigningRequestBuilder().subject_name(named)
    other = small.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM)
    more = x509.Name([*named, x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "cam2")])
    two = x509.CertificateSigningRequestBuilder().subject_name(more).sign(KEY, hashes.SHA256())
    assert requested(good, "cam1") == KEY.public_key()
    for csr, name, word in (
        (good, "cam2", "not for 'cam2'"),
        (two.public_bytes(Encoding.PEM), "cam1", "not for 'cam1'"),
        (forged, "cam1", "not signed with its own key"),
        (other, "cam1", "another key than P-384"),
        (b"-----BEGIN CERTIFICATE REQUEST-----", "cam1", "cannot be read"),
        (b"", "cam1", "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=word):
            requested(csr, name)


def test_lifetimes() -> None:
    content = for_site(AUTHORITY, KEY.public_key(), "cam1")
    start, end = lifetime(content)
    assert start < time.time() < end
    assert (end - time.time()) / DAY == pytest.approx(90, abs=0.5)
    assert (lifetime(AUTHORITY.pem)[1] - time.time()) / DAY == pytest.approx(AUTHORITY_DAYS, abs=0.5)
    assert not due(content, time.time() + 59 * DAY)
    assert due(content, time.time() + 61 * DAY)


def test_a_server_is_known_by_each_of_its_names() -> None:
    read = read_certificate(for_server(AUTHORITY, KEY.public_key(), ["hub.example.org", "10.0.0.7"]))
    also = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert also.get_values_for_type(x509.DNSName) == ["hub.example.org", "localhost"]
    assert [str(each) for each in also.get_values_for_type(x509.IPAddress)] == ["10.0.0.7", "127.0.0.1"]


def test_what_is_no_certificate_is_refused() -> None:
    for content in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"):
        with pytest.raises(ConfigError, match="cannot be read"):
            sha256(content)
        assert not _told(content)


def _told(content: bytes) -> bool:
    try:
        return signed_by(AUTHORITY.pem, content)
    except ConfigError:
        return False


def _laid(folder: Path, authority: Authority, name: str, content: bytes, key: object = KEY) -> Path:
    keep(folder / f"{name}.pem", content)
    keep(folder / f"{name}.key", for_tls(key))  # type: ignore[arg-type]
    keep(folder / f"{name}.ca", authority.pem)
    return folder / f"{name}.pem"


def _met(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes | None:
    """Let a client meet a server over loopback; return the certificate that the server saw."""
    ours, theirs = socket.socketpair()
    seen: list[bytes | None] = []

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as held:
                seen.append(held.getpeercert(binary_form=True))
                held.sendall(b"x")
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname="localhost") as held:
            answer = held.recv(1)
    except (OSError, ssl.SSLError):
        answer = b""
    thread.join()
    return seen[0] if answer and seen else None


def test_mutual_tls_takes_the_authoritys_sites_and_nobody_else(tmp_path: Path) -> None:
    mine = _laid(tmp_path, AUTHORITY, "server", for_server(AUTHORITY, KEY.public_key(), []))
    server = server_context(mine, tmp_path / "server.key", tmp_path / "server.ca")
    site = _laid(tmp_path, AUTHORITY, "site", for_site(AUTHORITY, KEY.public_key(), "cam1"))
    shown = _met(server, client_context(tmp_path / "site.ca", site, tmp_path / "site.key"))
    assert shown is not None and serial(shown) == serial(site.read_bytes())
    forged = _laid(tmp_path, STRANGER, "forged", for_site(STRANGER, KEY.public_key(), "cam1"))
    old = _laid(tmp_path, AUTHORITY, "old", for_site(AUTHORITY, KEY.public_key(), "cam1", days=0))
    for bad in (forged, old, mine):
        context = client_context(tmp_path / "site.ca", bad, bad.with_suffix(".key"))
        assert _met(server, context) is None, bad.name
    assert _met(server, client_context(tmp_path / "site.ca")) is None
    assert _met(server, client_context(tmp_path / "forged.ca", site, tmp_path / "site.key")) is None


def test_older_tls_is_not_spoken(tmp_path: Path) -> None:
    mine = _laid(tmp_path, AUTHORITY, "server", for_server(AUTHORITY, KEY.public_key(), []))
    server = server_context(mine, tmp_path / "server.key")
    old = client_context(tmp_path / "server.ca")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        _handshake(server, old)
    _handshake(server, client_context(tmp_path / "server.ca"))


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Go through a handshake in memory, both sides in turn."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname="localhost")
    theirs = server.wrap_bio(there, back, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_two_processes_of_a_machine_meet_and_a_killed_one_leaves_nothing_that_stays_wrong(
    tmp_path: Path,
) -> None:
    def meet() -> None:
        server = server_context(tmp_path / "server.pem", tmp_path / "server.key")
        _handshake(server, client_context(tmp_path / "ca.pem"))

    loopback(tmp_path, time.time())
    held = (tmp_path / "server.pem").read_bytes()
    meet()
    loopback(tmp_path, time.time() + 200 * DAY)
    assert (tmp_path / "server.pem").read_bytes() == held
    (tmp_path / "ca.pem").write_bytes(STRANGER.pem)  # as when it was killed between the two
    loopback(tmp_path, time.time())
    meet()
    fresh = (tmp_path / "server.pem").read_bytes()
    loopback(tmp_path, time.time() + 300 * DAY)
    assert (tmp_path / "server.pem").read_bytes() != fresh
    assert (tmp_path / "server.key").stat().st_mode & 0o777 == 0o600
