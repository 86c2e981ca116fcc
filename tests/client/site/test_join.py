"""Joining over real TLS: from a token to a certificate, cut short anywhere, refused where it should be."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isofed.client.site import join as joining
from isofed.client.site.folder import SiteFolder
from isofed.client.site.join import expires, join, renew, tls_key
from isofed.client.site.joining import UnreachableError
from isofed.client.site.settings import Settings, read_settings, write_settings
from isofed.errors import ConfigError, ContractError
from isofed.protocols import keys
from isofed.protocols.certificates import client_context, common_name, for_site, new_authority, sha256
from isofed.protocols.invitation import parse
from isofed.protocols.keys import keep, new_key, read_key, read_public
from isofed.server.hub import authority, enrolment
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings
from isofed.server.hub.settings import read_settings as read_hub
from tests.pace import LONG
from tests.server.hub.hub_case import free_port, served

MANIFEST = {"task": "reid", "counts": {"images": 12}}
DAY = 86400.0


def said() -> Mapping[str, Any]:
    """Say what every site here says."""
    return MANIFEST


def made_hub(root: Path) -> HubFolder:
    """Make a server's folder."""
    folder = HubFolder(root)
    ports = {key: free_port() for key in ("gateway_port", "enrolment_port", "superlink_port")}
    authority.init(folder, HubSettings("127.0.0.1", **ports))
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubFolder]:
    """A server whose enrolment service is up."""
    folder = made_hub(tmp_path_factory.mktemp("join") / "hub")
    with served(enrolment.serve, folder):
        yield folder


def made_site(root: Path, name: str) -> SiteFolder:
    """Make what ``isofed site init`` makes, as far as joining needs it."""
    folder = SiteFolder(root)
    folder.root.mkdir(mode=0o700)
    write_settings(folder.settings, Settings(name, "reid", "sysu", str(root)))
    return folder


def approve(hub: HubFolder, name: str, days: float = 90) -> None:
    """Approve, for so many days."""
    signer = authority.authority(hub)
    authority.register(hub).approve(name, lambda name, key: for_site(signer, read_public(key), name, days))


def test_from_a_token_to_a_certificate(hub: HubFolder, tmp_path: Path) -> None:
    site, heard = made_site(tmp_path / "site", "cam1"), []
    assert join(site, said, authority.invite(hub, "cam1"), say=heard.append) == "pending"
    known = authority.register(hub).site("cam1")
    assert known.manifest == MANIFEST and known.fingerprint in heard[0]
    assert join(site, said) == "pending" and not site.certificate.exists()
    approve(hub, "cam1")
    assert join(site, said) == join(site, said) == "approved"
    assert common_name(site.certificate.read_bytes()) == "cam1"
    assert expires(site) == pytest.approx(time.time() + 90 * DAY, abs=100)
    settings, served_by = read_settings(site.settings), read_hub(hub)
    assert settings.host == "127.0.0.1"
    assert (settings.gateway_port, settings.enrolment_port) == (
        served_by.gateway_port,
        served_by.enrolment_port,
    )
    # one key in two forms, each of which its reader takes, and closed to others
    client_context(site.authority, site.certificate, tls_key(site))
    assert read_key(site.key).private_numbers() == read_key(tls_key(site)).private_numbers()
    assert site.key.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in site.key.parent.iterdir()} == {0o600}


def test_the_private_key_stays_at_its_side(hub: HubFolder, tmp_path: Path) -> None:
    site = made_site(tmp_path / "site", "stays")
    join(site, said, authority.invite(hub, "stays"))
    approve(hub, "stays")
    join(site, said)
    number = read_key(site.key).private_numbers().private_value
    secrets = (
        number.to_bytes(48, "big"),
        *(line.encode() for line in tls_key(site).read_text().split("\n")[1:3]),
    )
    kept = b"".join(path.read_bytes() for path in hub.root.rglob("*") if path.is_file())
    assert not any(secret in kept for secret in secrets)
    servers = b"".join(path.read_bytes() for path in site.root.rglob("*") if path.is_file())
    assert hub.authority_key.read_bytes().split(b"\n")[1] not in servers


def test_joining_waits_for_the_operator(
    hub: HubFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "EVERY", 0.05)
    site = made_site(tmp_path / "site", "waits")
    token = authority.invite(hub, "waits")
    timer = threading.Timer(0.3, approve, (hub, "waits"))
    timer.start()
    assert join(site, said, token, wait=LONG) == "approved"
    timer.join()


@pytest.mark.parametrize("after", range(5))
def test_cut_short_after_any_file_it_goes_on(
    hub: HubFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The n-th file is the last that is written: key, the same for TLS, authority, certificate."""

    class Killed(BaseException):
        """Nobody catches it."""

    name, written = f"cut{after}", []
    site, token = made_site(tmp_path / "site", name), authority.invite(hub, name)

    def dies(path: Path, content: bytes) -> None:
        if len(written) == after:
            raise Killed
        written.append(path.name)
        keep(path, content)

    with monkeypatch.context() as patched:
        for module in (joining, keys):
            patched.setattr(module, "keep", dies)
        try:
            join(site, said, token)
            approve(hub, name)
            join(site, said)
        except Killed:
            pass
    if authority.register(hub).site(name).state != "approved":
        assert join(site, said, token) == "pending"
        approve(hub, name)
    assert join(site, said) == "approved"
    client_context(site.authority, site.certificate, tls_key(site))


def test_an_answer_that_was_lost_is_asked_for_again(hub: HubFolder, tmp_path: Path) -> None:
    """The server took the application, and the site died before it knew."""
    site, token = made_site(tmp_path / "site", "lost"), authority.invite(hub, "lost")
    assert [join(site, said, token) for _ in range(2)] == ["pending", "pending"]
    approve(hub, "lost")
    assert join(site, said, token) == "approved"


def test_who_may_not_join_is_told_why(hub: HubFolder, tmp_path: Path) -> None:
    site, token = made_site(tmp_path / "site", "cam2"), authority.invite(hub, "cam2")
    with pytest.raises(ConfigError, match="has not applied yet; give it the operator's token"):
        join(site, said)
    with pytest.raises(ConfigError, match="the token is for 'cam9', but this site is 'cam2'"):
        join(site, said, authority.invite(hub, "cam9"))
    with pytest.raises(ConfigError, match="no token"):
        join(site, said, "please")
    with pytest.raises(ContractError, match="may not say 'root'"):
        join(site, lambda: {"root": "data"}, token)
    assert not site.authority.exists()  # nothing was begun: the next call asks for a token again
    other = made_site(tmp_path / "other", "cam2")
    assert join(other, said, token) == "pending"
    with pytest.raises(ConfigError, match=r"server refused: the token of 'cam2' was used on .* another key"):
        join(site, said, token)
    authority.register(hub).revoke("cam2")
    with pytest.raises(ConfigError, match="has this site as revoked; ask for a new token, delete"):
        join(other, said)
    with pytest.raises(ConfigError, match="this key was revoked; delete"):
        join(other, said, authority.invite(hub, "cam2"))


def test_another_server_is_told_from_the_tokens(hub: HubFolder, tmp_path: Path) -> None:
    """Somebody else answers at the address: nothing is said to him."""
    stranger = made_hub(tmp_path / "stranger")
    site = made_site(tmp_path / "site", "cam3")
    told = parse(authority.invite(hub, "cam3"))
    asked = []
    with served(enrolment.serve, stranger):
        elsewhere = replace(told, enrolment_port=read_hub(stranger).enrolment_port)
        with pytest.raises(ConfigError, match="is not the token's: its authority is another"):
            join(site, lambda: asked.append(1) or MANIFEST, elsewhere.token())
        assert not asked and not site.authority.exists()
        join(site, said, told.token())
        approve(hub, "cam3")
        join(site, said)
        # a site that joined does not wander off
        with pytest.raises(ConfigError, match="joined another server"):
            join(site, said, authority.invite(stranger, "cam3"))
        # and what it pinned holds, whoever answers
        settings = read_settings(site.settings)
        write_settings(site.settings, replace(settings, enrolment_port=read_hub(stranger).enrolment_port))
        with pytest.raises(ConfigError, match="certificate that its authority did not sign"):
            renew(site, time.time() + 80 * DAY)


def test_a_server_that_is_away_is_said_so(hub: HubFolder, tmp_path: Path) -> None:
    site, away = made_site(tmp_path / "site", "cam4"), made_hub(tmp_path / "away")
    with pytest.raises(UnreachableError, match="cannot be reached; is it up"):
        join(site, said, authority.invite(away, "cam4"))
    token = authority.invite(hub, "cam4")
    join(site, said, token)
    settings = read_settings(site.settings)
    write_settings(site.settings, replace(settings, enrolment_port=free_port()))
    with pytest.raises(UnreachableError, match="cannot be reached"):
        join(site, said)


def test_a_certificate_is_renewed_in_time_with_the_same_key(hub: HubFolder, tmp_path: Path) -> None:
    site = made_site(tmp_path / "site", "cam5")
    join(site, said, authority.invite(hub, "cam5"))
    with pytest.raises(ConfigError, match="no certificate; run 'isofed site join'"):
        renew(site)
    approve(hub, "cam5", days=0.003)  # some four minutes more, of fourteen: it is backdated
    join(site, said)
    first, key = site.certificate.read_bytes(), site.key.read_bytes()
    assert renew(site)
    assert site.certificate.read_bytes() != first and site.key.read_bytes() == key
    assert expires(site) > time.time() + 80 * DAY
    assert not renew(site)
    authority.register(hub).revoke("cam5")
    with pytest.raises(ConfigError, match="'cam5' is revoked: nothing is renewed"):
        renew(site, time.time() + 80 * DAY)


def test_an_expired_certificate_is_not_renewed(hub: HubFolder, tmp_path: Path) -> None:
    site = made_site(tmp_path / "site", "cam6")
    token = authority.invite(hub, "cam6")
    join(site, said, token)
    approve(hub, "cam6", days=-0.001)
    with pytest.raises(
        ConfigError, match=r"certificate expired; ask the operator for a new token, .* --anew"
    ):
        join(site, said)
    token = authority.invite(hub, "cam6")
    with pytest.raises(ConfigError, match=r"has this site as invited; give the new token to .* --anew"):
        join(site, said)
    join(site, said, token)  # the same key may come back
    approve(hub, "cam6")
    assert join(site, said) == "approved"


def test_a_certificate_for_somebody_else_is_not_stored(hub: HubFolder, tmp_path: Path) -> None:
    site = made_site(tmp_path / "site", "cam7")
    join(site, said, authority.invite(hub, "cam7"))
    register, signer = authority.register(hub), authority.authority(hub)
    foreign = new_authority(new_key(), "127.0.0.1")
    for issue in (
        lambda name, key: for_site(signer, read_public(key), "cam8"),
        lambda name, key: for_site(signer, new_key().public_key(), name),
        lambda name, key: for_site(foreign, read_public(key), name),
    ):
        register.revoke("cam7") if register.site("cam7").state == "approved" else None
        if register.site("cam7").state == "revoked":
            site.key.unlink()
            join(site, said, authority.invite(hub, "cam7"))
        register.approve("cam7", issue)
        with pytest.raises(ConfigError, match="not for this site"):
            join(site, said)
        assert not site.certificate.exists()


def test_the_token_pins_the_authority(hub: HubFolder, tmp_path: Path) -> None:
    site = made_site(tmp_path / "site", "cam8")
    token = authority.invite(hub, "cam8")
    join(site, said, token)
    assert sha256(site.authority.read_bytes()) == parse(token).ca_sha256
