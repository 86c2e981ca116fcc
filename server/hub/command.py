"""``isofed server``: the operator's commands."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isofed.arguments import Parser
from isofed.errors import ConfigError
from isofed.server.hub import authority
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.register import HOURS
from isofed.server.hub.settings import HubSettings, read_settings
from isofed.server.hub.sites import Site, day
from isofed.server.hub.table import manifest_lines, sites_table
from isofed.suggest import pick

Arguments = argparse.Namespace
TEACH = """isofed server: the operator's side of a deployed federation

  init DIR --host NAME      make the server's folder: authority, certificate, settings
  up DIR                    run the server until it is stopped: SuperLink, gateway, enrolment
  invite DIR SITE           print the token with which one site may join, once
  sites DIR                 who was invited, applied, is in; what each says of itself
  approve DIR SITE          let a site in that has applied
  revoke DIR SITE           let a site in no more, at once
  status DIR                what runs, who is there
  proxy nginx|caddy DIR     a configuration for a proxy in front of the gateway

From nothing to a federation:

  isofed server init hub --host hub.example.org --listen 0.0.0.0
  isofed server up hub                        (stays; the next lines in another terminal)
  isofed server invite hub cam1               (give the line that it prints to the site, by a way you trust)
  isofed server sites hub                     (cam1 is pending once the site has joined)
  isofed server approve hub cam1              (compare the key's fingerprint with the site's first)
  isofed run hub=hub strategy=fedavg rounds=10

isofed server COMMAND --help tells more."""


def main(argv: list[str]) -> int:
    """Run one of the operator's commands; 0 if it did what was asked."""
    if not argv or argv[0] in ("-h", "--help"):
        print(TEACH)
        return 0
    return pick("server command", argv[0], COMMANDS)(argv[1:])


def _init(argv: list[str]) -> int:
    parser = _parser(
        "init", "Make a server's folder; where it is there already, only what is missing is made."
    )
    _folder(parser)
    parser.add_argument("--host", help="name or address under which sites reach this server")
    parser.add_argument("--name", help="of the federation, for its authority; the host if not given")
    listen = "address at which it listens; 127.0.0.1, this machine alone, if not given; 0.0.0.0 for all"
    parser.add_argument("--listen", help=listen)
    parser.add_argument("--gateway-port", type=int, help="published; 9443")
    parser.add_argument("--enrolment-port", type=int, help="published; 9444")
    parser.add_argument("--superlink-port", type=int, help="on loopback; 9441")
    given = {key: value for key, value in vars(parser.parse_args(argv)).items() if value is not None}
    folder = HubFolder(Path(given.pop("dir")))
    if "host" not in given and not folder.settings.exists():
        raise ConfigError("'--host' is missing: give the name or address under which sites reach this server")
    # what is not said of a folder that is there stays as it is; what is said must be what it has
    made = authority.init(folder, HubSettings(**_held(folder) | given))
    print(_made(folder) if made else f"{folder.root} is a server's folder already, and complete")
    return 0


def _held(folder: HubFolder) -> dict[str, Any]:
    return asdict(read_settings(folder)) if folder.settings.exists() else {}


def _made(folder: HubFolder) -> str:
    settings = read_settings(folder)
    lines = [
        f"{folder.root}: a server for {settings.host}; keep a copy of {folder.authority_key}, offline",
        f"sites need two ports of {settings.host}: {settings.gateway_port} and {settings.enrolment_port}",
    ]
    if settings.listen == "127.0.0.1":
        lines.append("it listens on this machine alone; for others change 'listen' in hub.toml to 0.0.0.0")
    return "\n".join([*lines, f"next: isofed server up {folder.quoted}"])


def _invite(argv: list[str]) -> int:
    parser = _parser(
        "invite", "Print the token with which one site may join. It is shown once; an earlier one is void."
    )
    _folder(parser)
    _site(parser, "as the data layout names its sites, such as cam1")
    parser.add_argument("--hours", type=float, default=HOURS, help="for which the token is open; 48")
    given = parser.parse_args(argv)
    print(authority.invite(_hub(given), given.site, given.hours))
    return 0


def _sites(argv: list[str]) -> int:
    parser = _parser(
        "sites", "List the sites: state, key, what each says of itself, when it was last heard of."
    )
    _folder(parser)
    print(sites_table(_hub(parser.parse_args(argv))))
    return 0


def _approve(argv: list[str]) -> int:
    parser = _parser("approve", "Let a site in that has applied: sign its certificate, register its node.")
    _folder(parser)
    _site(parser, "as in 'isofed server sites'")
    given = parser.parse_args(argv)
    folder = _hub(given)
    before = authority.register(folder).site(given.site)
    site = authority.register(folder).approve(given.site, authority.issuer(folder))
    again = " already" if before.state == "approved" else ""
    print(f"{site.name} is approved{again}, until {day(site.until)}; key {site.fingerprint}")
    print("\n".join(manifest_lines(site)))
    print(_at_superlink(folder, "its node is registered"))
    return 0


def _revoke(argv: list[str]) -> int:
    parser = _parser(
        "revoke", "Let a site in no more: its certificate, its token and its key are worth nothing from now."
    )
    _folder(parser)
    _site(parser, "as in 'isofed server sites'")
    given = parser.parse_args(argv)
    folder = _hub(given)
    before = authority.register(folder).site(given.site)
    site = authority.register(folder).revoke(given.site)
    print(_revoked(folder, before, site))
    if before.node or before.state == "approved":
        print(_at_superlink(folder, "its node is unregistered"))
    return 0


def _revoked(folder: HubFolder, before: Site, site: Site) -> str:
    if before.state == "revoked":
        return f"{site.name} was revoked already, on {day(site.revoked_at)}"
    again = f"isofed server invite {folder.quoted} {site.name}"
    return f"{site.name} is revoked; to let it in again, with a new key: {again}"


def _at_superlink(folder: HubFolder, done: str) -> str:
    from isofed.server.hub.nodes import register_missing

    return done if register_missing(folder) else f"'isofed server up' is not running; when it starts, {done}"


def _up(argv: list[str]) -> int:
    from isofed.server.hub import up

    parser = _parser("up", "Run the server until it is stopped: SuperLink, gateway and enrolment.")
    folder = _hub(_folder(parser).parse_args(argv))
    return int(up.main(folder, lambda text: print(text, flush=True)))


def _status(argv: list[str]) -> int:
    from isofed.server.hub import status

    parser = _parser("status", "Say what runs and which sites are there.")
    return int(status.main(_hub(_folder(parser).parse_args(argv))))


def _proxy(argv: list[str]) -> int:
    from isofed.server.hub import proxies

    parser = _parser("proxy", "Print a configuration for a proxy in front of the gateway.")
    parser.add_argument("kind", metavar="nginx|caddy", help="which proxy")
    given = _folder(parser).parse_args(argv)
    return int(proxies.main(given.kind, _hub(given)))


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "init": _init,
    "up": _up,
    "invite": _invite,
    "sites": _sites,
    "approve": _approve,
    "revoke": _revoke,
    "status": _status,
    "proxy": _proxy,
}


def _parser(name: str, what: str) -> Parser:
    return Parser(f"isofed server {name}", what)


def _folder(parser: Parser) -> Parser:
    parser.add_argument("dir", metavar="DIR", help="the server's folder")
    return parser


def _site(parser: Parser, what: str) -> None:
    parser.add_argument("site", metavar="SITE", help=what)


def _hub(given: Arguments) -> HubFolder:
    return HubFolder(Path(given.dir))
