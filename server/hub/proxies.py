"""``isofed server proxy``: nginx or Caddy on the public address, the gateway behind it on loopback.

The proxy ends the sites' TLS and shows the gateway a certificate of its own, with which it is believed for
which site it speaks. All else is the gateway's as without it: who is admitted, as which node, which paths.
"""

import sys
import textwrap
import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from isofed.errors import ConfigError
from isofed.protocols import fleet
from isofed.protocols.certificates import due, for_site
from isofed.protocols.keys import keep, kept_key
from isofed.server.hub.authority import authority
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.front import ADDRESS, CERTIFICATE, NAME
from isofed.server.hub.settings import HubSettings, at, read_settings
from isofed.suggest import unknown

DAYS = 365.0
PATHS = "|".join(sorted(path.rpartition("/")[2] for path in fleet.PATHS))

NGINX = """\
# For nginx's http block. nginx listens on the public address, gateway and enrolment on loopback. Reload nginx
# when 'isofed server up' has renewed the certificate.
{note}
upstream isofed_gateway {{
    server {gateway};
    keepalive 32;
}}
server {{
    listen {front} ssl;
    server_name {host};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    ssl_session_tickets off;
    ssl_session_cache off;
    ssl_client_certificate {authority};
    ssl_verify_client on;
    ssl_verify_depth 1;
    client_max_body_size {body};
    client_header_timeout 30s;
    client_body_timeout 30s;
    merge_slashes off;
    location / {{
        return 404;
    }}
    location ~ ^(/v1/fleet/({paths})|{alive})$ {{
        proxy_pass https://isofed_gateway;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header {certificate_header} $ssl_client_escaped_cert;
        proxy_set_header {address_header} $remote_addr;
        proxy_ssl_certificate {own_certificate};
        proxy_ssl_certificate_key {own_key};
        proxy_ssl_trusted_certificate {authority};
        proxy_ssl_verify on;
        proxy_ssl_name localhost;
        proxy_ssl_protocols TLSv1.3;
        proxy_ssl_session_reuse off;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_read_timeout 60s;
        proxy_next_upstream off;
    }}
}}
server {{
    listen {front_enrolment} ssl http2;
    server_name {host};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    client_max_body_size 256k;
    location / {{
        grpc_pass grpcs://{enrolment};
        grpc_ssl_trusted_certificate {authority};
        grpc_ssl_verify on;
        grpc_ssl_name localhost;
        grpc_ssl_protocols TLSv1.3;
    }}
}}
"""

CADDY = """\
# A Caddyfile for Caddy 2.8 or later. Caddy listens on the public address, gateway and enrolment on loopback.
# Reload Caddy when 'isofed server up' has renewed the certificate.
{note}
{{
    auto_https off
    admin off
    servers :{gateway_port} {{
        protocols h1
    }}
}}
https://{front} {{
    bind {host}
    tls {certificate} {key} {{
        protocols tls1.3
        client_auth {{
            mode require_and_verify
            trust_pool file {authority}
        }}
    }}
    request_body {{
        max_size {body}
    }}
    @fleet path_regexp ^(/v1/fleet/({paths})|{alive})$
    handle @fleet {{
        reverse_proxy https://{gateway} {{
            header_up {certificate_header} {{http.request.tls.client.certificate_der_base64}}
            header_up {address_header} {{http.request.remote.host}}
            flush_interval -1
            transport http {{
                versions 1.1
                tls_server_name localhost
                tls_trust_pool file {authority}
                tls_client_auth {own_certificate} {own_key}
                response_header_timeout 60s
            }}
        }}
    }}
    handle {{
        respond 404
    }}
}}
https://{front_enrolment} {{
    bind {host}
    tls {certificate} {key} {{
        protocols tls1.3
    }}
    reverse_proxy https://{enrolment} {{
        transport http {{
            versions 2
            tls_server_name localhost
            tls_trust_pool file {authority}
        }}
    }}
}}
"""
KINDS = {"nginx": NGINX, "caddy": CADDY}


def configuration(kind: str, folder: HubFolder) -> str:
    """Return a proxy's configuration, and keep a certificate for it in the server's folder.

    Args:
        kind: ``nginx`` or ``caddy``.
        folder: the server's.

    Raises:
        ConfigError: another kind; the folder is no server's; its gateway listens beyond this machine.
    """
    if kind not in KINDS:
        raise unknown("proxy", kind, KINDS)
    settings = read_settings(folder)
    if not ip_address(settings.listen).is_loopback:
        raise ConfigError(
            f"the gateway listens at {settings.listen}, where the proxy is to listen; set 'listen' of "
            "hub.toml to 127.0.0.1 and start the server again"
        )
    certificate, key = certified(folder, time.time())
    return KINDS[kind].format(**_places(folder, settings), own_certificate=certificate, own_key=key)


def certified(folder: HubFolder, now: float) -> tuple[Path, Path]:
    """Keep a key and a certificate by which the proxy is known, renewed after two thirds of its time."""
    place = folder.root.resolve() / "proxy"
    certificate, path = place / "proxy.pem", place / "proxy.key"
    key = kept_key(path)
    if not certificate.exists() or due(certificate.read_bytes(), now):
        keep(certificate, for_site(authority(folder), key.public_key(), NAME, DAYS))
    return certificate, path


def behind(settings: HubSettings) -> str:
    """Return the address for gateway and enrolment: that of hub.toml, unless the proxy listens there."""
    front = ("127.0.0.1", "::1") if settings.host == "localhost" else (settings.host,)
    other = "127.0.0.1" if settings.host == "::1" else "127.0.0.2"
    return other if settings.listen in front else settings.listen


def _note(settings: HubSettings, address: str) -> str:
    """Return what is to be done in hub.toml, as a comment."""
    leave = f"Leave 'listen' of hub.toml at {address}."
    change = (
        f"First set 'listen' of hub.toml to {address} and start the server again: it listens at "
        f"{settings.listen} now, which is the proxy's, too, and one address has room for one of them. Only "
        f"sites on this machine reach {settings.host}; for others make a server with another --host."
    )
    told = leave if address == settings.listen else change
    return textwrap.fill(told, 109, initial_indent="# ", subsequent_indent="# ")


def _places(folder: HubFolder, settings: HubSettings) -> dict[str, object]:
    files = {"certificate": folder.certificate, "key": folder.key, "authority": folder.authority}
    back = replace(settings, listen=behind(settings))
    return {
        **{name: path.resolve() for name, path in files.items()},
        "host": settings.host,
        "gateway_port": settings.gateway_port,
        "front": at(settings.host, settings.gateway_port),
        "front_enrolment": at(settings.host, settings.enrolment_port),
        "gateway": back.gateway,
        "enrolment": back.enrolment,
        "note": _note(settings, back.listen),
        "body": fleet.BODY,
        "paths": PATHS,
        "alive": fleet.ALIVE,
        "certificate_header": CERTIFICATE.decode(),
        "address_header": ADDRESS.decode(),
    }


def main(kind: str, folder: HubFolder) -> int:
    """Write a proxy's configuration to standard output."""
    sys.stdout.write(configuration(kind, folder))
    return 0
