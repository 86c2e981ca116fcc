"""Certificates of a deployed federation: its own authority, its server's, one for each site.

Nobody outside is trusted: a site pins the authority, the authority signs the server and the sites. X.509
as in RFC 5280, sections 4.1 and 4.2.
"""

import hashlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from isofed.errors import ConfigError
from isofed.protocols.keys import Private, Public, keep, kept_key, new_key

AUTHORITY_DAYS, SERVER_DAYS, SITE_DAYS = 3650, 365, 90
EARLY = timedelta(minutes=10)  # a site's clock may be behind by this much
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Authority:
    """Who signs: a key and its own certificate."""

    key: Private = field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(_PEM)


def new_authority(key: Private, name: str) -> Authority:
    """Let a key sign itself as the authority of a federation, for ten years."""
    public = key.public_key()
    built = _about(name, name, public, AUTHORITY_DAYS)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    built = built.add_extension(_usage(signs=True), critical=True)
    built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    return Authority(key, built.sign(key, hashes.SHA384()))


def for_server(authority: Authority, public: Public, hosts: Iterable[str]) -> bytes:
    """Sign a server's certificate (PEM, one year) for some names and addresses and this machine's own."""
    names = list(dict.fromkeys((*hosts, "localhost", "127.0.0.1")))
    also = x509.SubjectAlternativeName([_general(name) for name in names])
    built = _about(_issuer(authority), names[0][:64], public, SERVER_DAYS).add_extension(also, critical=False)
    return _signed(authority, built, public, ExtendedKeyUsageOID.SERVER_AUTH)


def for_site(authority: Authority, public: Public, name: str, days: float = SITE_DAYS) -> bytes:
    """Sign a site's certificate (PEM): its name and its key, and nothing else of what it asked for."""
    built = _about(_issuer(authority), name, public, days)
    return _signed(authority, built, public, ExtendedKeyUsageOID.CLIENT_AUTH)


def request(key: Private, name: str) -> bytes:
    """Ask for a site's certificate: a signing request (PEM), signed with the key that stays at the site."""
    subject = x509.CertificateSigningRequestBuilder().subject_name(_named(name))
    return subject.sign(key, hashes.SHA384()).public_bytes(_PEM)


def requested(csr: bytes, name: str) -> Public:
    """Return the key of a signing request that is for ``name`` and signed with that key.

    Raises:
        ConfigError: it is not one, is another site's, or has another kind of key.
    """
    try:
        read = x509.load_pem_x509_csr(csr)
        public, whole = read.public_key(), read.is_signature_valid
    except (ValueError, TypeError):
        raise ConfigError("the signing request cannot be read; run 'isofed site join' again") from None
    if not isinstance(public, Public) or public.curve.name != "secp384r1":
        raise ConfigError("the signing request has another key than P-384; let 'isofed site' make the key")
    if not whole:
        raise ConfigError("the signing request is not signed with its own key; run 'isofed site join' again")
    if read.subject != _named(name):
        raise ConfigError(f"the signing request is not for '{name}'; ask with the name of the invitation")
    return public


def read_certificate(content: bytes) -> x509.Certificate:
    """Read a certificate, PEM or DER; of several the first.

    Raises:
        ConfigError: it is none.
    """
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise ConfigError("a certificate cannot be read; restore the file, or join again") from None


def serial(content: bytes) -> str:
    """Return a certificate's serial number, lower-case hexadecimal; PEM or DER."""
    return f"{read_certificate(content).serial_number:x}"


def lifetime(content: bytes) -> tuple[float, float]:
    """Return from when to when a certificate holds, seconds since 1970."""
    read = read_certificate(content)
    return read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp()


def due(content: bytes, now: float) -> bool:
    """Tell whether two thirds of a certificate's lifetime have passed, which is when it is renewed."""
    start, end = lifetime(content)
    return now >= start + (end - start) * 2 / 3


def common_name(content: bytes) -> str:
    """Return the name in a certificate: a site's."""
    names = read_certificate(content).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def sha256(content: bytes) -> str:
    """Return a certificate's fingerprint: SHA-256 of its DER form, 64 hexadecimal digits."""
    der = read_certificate(content).public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def signed_by(content: bytes, authority: bytes) -> bool:
    """Tell whether an authority's certificate signed another one."""
    try:
        read_certificate(content).verify_directly_issued_by(read_certificate(authority))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def server_context(certificate: Path, key: Path, clients: Path | None = None) -> ssl.SSLContext:
    """Return the TLS of one who is called.

    Args:
        certificate: its own, PEM, with the chain behind it.
        key: its private key, as :func:`isofed.protocols.keys.for_tls` writes it.
        clients: the authority whose certificate every caller must show; None where anybody may call.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    # a resumed session would skip the look at the caller's certificate
    context.num_tickets = 0
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


def client_context(
    authority: Path, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Return the TLS of one who calls: trusts this authority alone, shows a certificate if it has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(authority)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def loopback(folder: Path, now: float) -> None:
    """Keep a certificate with which one process of a machine meets another, in ``folder``.

    ``ca.pem`` is what the caller trusts, ``server.pem`` and ``server.key`` are the called one's. The
    authority's key is thrown away at once, so that it never signs anything else. Made anew when two thirds of
    its time have passed.
    """
    above, mine = folder / "ca.pem", folder / "server.pem"
    if above.exists() and mine.exists():
        # two files cannot be written at once: those of a process that was killed may not belong together
        held = mine.read_bytes()
        if signed_by(held, above.read_bytes()) and not due(held, now):
            return
    key = kept_key(folder / "server.key")
    authority = new_authority(new_key(), "this machine")
    keep(mine, for_server(authority, key.public_key(), ()))
    keep(above, authority.pem)


def _about(issuer: str | x509.Name, name: str, public: Public, days: float) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer) if isinstance(issuer, str) else issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + timedelta(days=days))
    )


def _signed(
    authority: Authority, built: x509.CertificateBuilder, public: Public, use: x509.ObjectIdentifier
) -> bytes:
    """Add what server and sites have alike, and sign."""
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    built = built.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    built = built.add_extension(_usage(signs=False), critical=True)
    built = built.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    built = built.add_extension(above, critical=False)
    return built.sign(authority.key, hashes.SHA384()).public_bytes(_PEM)


def _issuer(authority: Authority) -> x509.Name:
    return authority.certificate.subject


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(signs: bool) -> x509.KeyUsage:
    others = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    also = {"encipher_only": False, "decipher_only": False}
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **others, **also)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
