"""The server's folder: made whole, once, closed to others; kept when it is cut short or grows old."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from isofed.errors import ConfigError
from isofed.protocols.certificates import lifetime, read_certificate, sha256, signed_by
from isofed.protocols.invitation import parse
from isofed.protocols.keys import for_tls, keep, new_key, public_pem
from isofed.server.hub import authority
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings, read_settings, write_settings

SETTINGS = HubSettings("hub.example.org")
DAY = 86400.0


@pytest.fixture
def hub(tmp_path: Path) -> HubFolder:
    """A server's folder."""
    folder = HubFolder(tmp_path / "hub")
    assert authority.init(folder, SETTINGS)
    return folder


def content(folder: HubFolder) -> dict[str, bytes]:
    """Return every file."""
    return {str(path): path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}


def test_a_folder_is_whole_and_closed(hub: HubFolder) -> None:
    signer = authority.authority(hub)
    assert signed_by(hub.certificate.read_bytes(), signer.pem)
    assert len(hub.secret.read_bytes()) == 32
    assert read_settings(hub) == SETTINGS
    for path in (hub.root, *hub.root.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    # the key that signs is another one than the server's
    assert public_pem(signer.key.public_key()) != read_certificate(hub.certificate.read_bytes()).public_key()


def test_a_second_time_changes_nothing(hub: HubFolder) -> None:
    before = content(hub)
    assert not authority.init(hub, SETTINGS)
    assert not authority.init(hub, None)
    assert not authority.refresh(hub)
    assert content(hub) == before
    with pytest.raises(ConfigError, match="with other settings; change its hub"):
        authority.init(hub, HubSettings("other.example.org"))


@pytest.mark.parametrize("missing", ["certificate", "key", "secret", "settings", "authority"])
def test_what_a_killed_process_left_out_is_made_and_the_rest_kept(hub: HubFolder, missing: str) -> None:
    path: Path = getattr(hub, missing)
    kept = {name: text for name, text in content(hub).items() if "authority" in name and name != str(path)}
    path.unlink()
    authority.init(hub, SETTINGS)
    assert {name: text for name, text in content(hub).items() if name in kept} == kept
    assert signed_by(hub.certificate.read_bytes(), authority.authority(hub).pem)
    assert public_pem(_key(hub)) == public_pem(read_certificate(hub.certificate.read_bytes()).public_key())  # type: ignore[arg-type]
    assert read_settings(hub) == SETTINGS


def _key(hub: HubFolder) -> object:
    from isofed.protocols.keys import read_key

    return read_key(hub.key).public_key()


def test_the_servers_certificate_is_renewed_in_time_and_for_another_host(hub: HubFolder) -> None:
    first = hub.certificate.read_bytes()
    assert not authority.refresh(hub, time.time() + 200 * DAY)
    assert authority.refresh(hub, time.time() + 250 * DAY)
    assert lifetime(hub.certificate.read_bytes()) >= lifetime(first)
    assert hub.certificate.read_bytes() != first
    write_settings(hub, replace(SETTINGS, host="new.example.org"))
    assert authority.refresh(hub) and not authority.refresh(hub)
    assert b"new.example.org" in read_certificate(hub.certificate.read_bytes()).public_bytes(Encoding.DER)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    mode = tmp_path.stat().st_mode
    with pytest.raises(ConfigError, match=r"holds other things, such as 'thesis\.txt'"):
        authority.init(HubFolder(tmp_path), SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert tmp_path.stat().st_mode == mode


def test_a_missing_or_foreign_authority_is_named(hub: HubFolder) -> None:
    keep(hub.authority_key, for_tls(new_key()))
    with pytest.raises(ConfigError, match="do not belong together"):
        authority.authority(hub)
    hub.authority_key.unlink()
    with pytest.raises(ConfigError, match=r"ca\.key cannot be read"):
        authority.authority(hub)
    # with the certificate there, a new key would make all sites strangers
    with pytest.raises(ConfigError, match=r"ca\.key cannot be read"):
        authority.init(hub, SETTINGS)


def test_a_token_leads_to_the_server(hub: HubFolder) -> None:
    told = parse(authority.invite(hub, "cam1"))
    assert (told.host, told.gateway_port, told.enrolment_port) == ("hub.example.org", 9443, 9444)
    assert (told.name, told.ca_sha256) == ("cam1", sha256(hub.authority.read_bytes()))
    site = authority.register(hub).apply("cam1", told.secret, public_pem(new_key().public_key()), {})
    assert site.state == "pending"
    with pytest.raises(ConfigError, match="cannot name a site"):
        authority.invite(hub, "cam/1")


def test_what_is_no_servers_folder_is_said(tmp_path: Path) -> None:
    for work in (authority.authority, authority.register, authority.refresh):
        with pytest.raises(ConfigError, match="no server's folder"):
            work(HubFolder(tmp_path))
