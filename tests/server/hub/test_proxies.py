"""A proxy before the gateway is believed for whom it speaks, and nobody else is; nginx where there is one."""

import base64
import http.client
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from isofed.client.site.folder import SiteFolder
from isofed.errors import ConfigError
from isofed.protocols import certificates, fleet
from isofed.protocols.keys import new_key
from isofed.server.hub import proxies
from isofed.server.hub.settings import write_settings
from tests.pace import LONG
from tests.server.hub.hub_case import Hub, lines, made_hub, made_site, opened, until

NGINX = shutil.which("nginx")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, SiteFolder]]:
    """A gateway on 127.0.0.1, its public address 127.0.0.2; nobody answers behind it."""
    root = tmp_path_factory.mktemp("front")
    hub = made_hub(root / "hub", "127.0.0.2")
    site = made_site(hub, root / "cam1", "cam1")
    made_site(hub, root / "cam2", "cam2")
    with opened(hub):
        yield hub, site


def ask(
    hub: Hub,
    shown: tuple[Path, Path],
    headers: Mapping[str, str],
    path: str = fleet.ALIVE,
    at: str = "127.0.0.1",
) -> tuple[int, bytes]:
    """Ask with a certificate."""
    tls = certificates.client_context(hub.folder.authority, *shown)
    talk = http.client.HTTPSConnection(at, hub.settings.gateway_port, context=tls, timeout=LONG)
    try:
        talk.request("POST", path, b"{}", dict(headers))
        answer = talk.getresponse()
        return answer.status, answer.read()
    finally:
        talk.close()


def own(site: SiteFolder) -> tuple[Path, Path]:
    """Return a site's certificate and key."""
    return site.certificate, site.key.with_name("site.tls.key")


def test_the_proxy_is_believed_for_whom_it_speaks(up: tuple[Hub, SiteFolder]) -> None:
    hub, site = up
    shown = proxies.certified(hub.folder, time.time())
    pem = site.certificate.read_text()
    der = base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()
    for told in (quote(pem), der):
        assert ask(hub, shown, {"isofed-certificate": told, "isofed-address": "192.0.2.9"})[0] == 200
    status, said = ask(hub, shown, {"isofed-certificate": der, "isofed-address": "192.0.2.9"}, fleet.BEAT)
    assert (status, said) == (403, b"a request under another key than the site's own")
    line = until(lambda: lines(hub.folder.logs / "refusals.jsonl"))[-1]
    assert (line["site"], line["address"]) == ("cam1", "192.0.2.9")


def test_it_is_believed_for_nobody_else(up: tuple[Hub, SiteFolder]) -> None:
    """Not without a certificate, not with one of another authority's, even with a serial that is known."""
    hub, _ = up
    shown = proxies.certified(hub.folder, time.time())
    theirs = certificates.new_authority(new_key(), "test")
    other = certificates.for_site(theirs, new_key().public_key(), "cam1")
    for headers in ({}, {"isofed-certificate": quote(other.decode())}, {"isofed-certificate": "%00"}):
        assert ask(hub, shown, headers) == (403, b"no certificate")


def test_a_site_speaks_for_itself_whatever_it_says(up: tuple[Hub, SiteFolder]) -> None:
    hub, site = up
    stranger = quote(hub.register.site("cam2").certificate)
    key = base64.b64encode(hub.register.site("cam2").key.encode()).decode()
    headers = {"isofed-certificate": stranger, fleet.KEY_HEADER.decode(): key}
    assert ask(hub, own(site), headers, fleet.BEAT)[0] == 403


def test_its_certificate_is_kept_until_it_is_due(tmp_path: Path) -> None:
    hub, now = made_hub(tmp_path / "hub"), time.time()
    pem, key = proxies.certified(hub.folder, now)
    first = pem.read_bytes()
    assert proxies.certified(hub.folder, now)[0].read_bytes() == first
    assert proxies.certified(hub.folder, now + 250 * 86400)[0].read_bytes() != first
    assert [path.stat().st_mode & 0o777 for path in (pem, key, pem.parent)] == [0o600, 0o600, 0o700]


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_a_configuration_names_what_is_published_and_no_secret(tmp_path: Path, kind: str) -> None:
    hub = made_hub(tmp_path / "hub", "hub.example.org")
    text = proxies.configuration(kind, hub.folder)
    for path in fleet.PATHS:
        assert path.rpartition("/")[2] in text
    for hidden in ("register-node", "control", "runtime", "PRIVATE"):
        assert hidden not in text
    assert f"hub.example.org:{hub.settings.gateway_port}" in text and str(fleet.BODY) in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
@pytest.mark.parametrize(
    ("host", "listen", "front", "back"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("localhost", "127.0.0.1", "localhost", "127.0.0.2"),
        ("localhost", "::1", "localhost", "127.0.0.2"),
        ("::1", "::1", "[::1]", "127.0.0.1"),
        ("::1", "127.0.0.1", "[::1]", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"),
        ("hub.example.org", "::1", "hub.example.org", "[::1]"),
    ],
)
def test_proxy_and_gateway_never_listen_at_one_address(
    kind: str, host: str, listen: str, front: str, back: str, tmp_path: Path
) -> None:
    hub = made_hub(tmp_path / "hub", host)
    write_settings(hub.folder, replace(hub.settings, listen=listen))
    text = proxies.configuration(kind, hub.folder)
    for port in (hub.settings.gateway_port, hub.settings.enrolment_port):
        assert f"{front}:{port}" in text and f"{back}:{port}" in text
    changed = f"# First set 'listen' of hub.toml to {back} and start the server again"
    assert (changed in text) == (back.strip("[]") != listen)
    assert ("# Leave 'listen' of hub.toml at" in text) == (back.strip("[]") == listen)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    hub = made_hub(tmp_path / "hub")
    with pytest.raises(ConfigError, match="did you mean 'nginx'"):
        proxies.configuration("ngnix", hub.folder)
    write_settings(hub.folder, type(hub.settings)("127.0.0.1", listen="0.0.0.0"))
    with pytest.raises(ConfigError, match="set 'listen' of hub"):
        proxies.configuration("nginx", hub.folder)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed here")
def test_nginx_lets_through_what_the_gateway_would(up: tuple[Hub, SiteFolder], tmp_path: Path) -> None:
    hub, site = up
    inside = proxies.configuration("nginx", hub.folder)
    paths = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\nmaster_process off;\npid {tmp_path}/pid;\nerror_log {tmp_path}/error;\n"
    config = tmp_path / "nginx.conf"
    config.write_text(f"{head}events {{}}\nhttp {{\naccess_log {tmp_path}/access;\n{paths}{inside}}}\n")
    with subprocess.Popen([str(NGINX), "-p", str(tmp_path), "-c", str(config)]) as running:
        try:
            shown = own(site)
            assert until(lambda: ask(hub, shown, {}, at="127.0.0.2"))[0] == 200
            forged = {"isofed-certificate": quote(hub.register.site("cam2").certificate)}
            key = base64.b64encode(hub.register.site("cam1").key.encode()).decode()
            status, said = ask(
                hub, shown, {**forged, fleet.KEY_HEADER.decode(): key}, fleet.BEAT, "127.0.0.2"
            )
            assert (status, said) == (503, b"the other side does not answer")  # as cam1, at the SuperLink
            assert ask(hub, shown, {}, "/v1/control/start-run", "127.0.0.2")[0] == 404
            nobody = certificates.client_context(hub.folder.authority)
            talk = http.client.HTTPSConnection("127.0.0.2", hub.settings.gateway_port, context=nobody)
            talk.request("POST", fleet.ALIVE, b"{}")
            assert talk.getresponse().status == 400
            talk.close()
        finally:
            running.terminate()
