"""``isofed site``: the commands of whoever looks after a site."""

import argparse
import json
import sys
import time
from dataclasses import fields
from pathlib import Path
from shlex import quote
from typing import Any

from isofed.arguments import Parser
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import first_policy, read_policy, write_policy
from isofed.client.site.settings import COMMENTS, Settings, read_settings, write_settings
from isofed.errors import ConfigError
from isofed.suggest import pick

Arguments = argparse.Namespace
TEACH = """isofed site: a deployed site, on the machine where its pictures are

  init DIR --name NAME --task TASK --layout LAYOUT --root DATA [--level LEVEL]
                            make the site's folder: site.toml, policy.toml
  doctor DIR                see whether all is well: clock, TLS, server, disk, memory, GPU, data, contract
  join DIR                  apply at the server with the operator's token, and store the certificate
  up DIR                    take part until stopped
  service DIR               write a systemd unit and a compose file that keep it up
  status DIR                what it is at, what it answered and refused
  renew DIR                 renew the certificate if it is time; up does so by itself

From nothing to a site that takes part:

  isofed site init site --name cam1 --task reid --layout sysu --root /data/SYSU-MM01
                            (read site/policy.toml: it is the last word on what this site does)
  isofed site doctor site   (mend what it finds)
  isofed site join site     (paste the token; once the operator has approved, run it again, without one)
  isofed site up site

The folder named by --root holds this site's own data and nobody else's; isofed data split makes such
folders of one tree, for a trial. The evaluator is a site with --role evaluator --name evaluator.

isofed site COMMAND --help tells more."""
GIVEN = ("host", "gateway_port", "enrolment_port")  # by the token
TAIL = 5  # lines


def main(argv: list[str]) -> int:
    """Run one of the site's commands; 0 if it did what was asked."""
    if not argv or argv[0] in ("-h", "--help"):
        print(TEACH)
        return 0
    return pick("site command", argv[0], COMMANDS)(argv[1:])


def _init(argv: list[str]) -> int:
    parser = _parser("init", "Make a site's folder; nothing that is there already is changed.")
    for each in (field for field in fields(Settings) if field.name not in GIVEN):
        kind: Any = each.type if isinstance(each.type, type) else str
        required = each.name in ("name", "task", "layout", "root")
        shown = COMMENTS[each.name].replace("%", "%%")
        default = argparse.SUPPRESS
        parser.add_argument(
            f"--{each.name.replace('_', '-')}", type=kind, required=required, default=default, help=shown
        )
    given = vars(parser.parse_args(argv))
    folder = SiteFolder(Path(given.pop("dir")))
    for name in ("root", "weights"):
        if given.get(name):
            given[name] = str(Path(given[name]).expanduser().absolute())
    settings = Settings(**given)
    task, layout = _known(settings)
    if folder.settings.exists():
        raise ConfigError(
            f"'{folder.root}' is a site's folder already; change site.toml in it, or name another"
        )
    _make(folder, settings, task.private_head)
    print(f"{folder.root}: site {settings.name}, {layout.summary}")
    print(f"read {folder.policy}: it is the last word on what this site does")
    print(f"next: isofed site doctor {quote(str(folder.root))}")
    return 0


def _known(settings: Settings) -> Any:
    from isofed.client.site.manifest import found

    task, layout = found(settings)
    allowed = [level for level in task.levels if level in layout.levels]
    pick("level of this layout", settings.level, dict.fromkeys(allowed))
    return task, layout


def _make(folder: SiteFolder, settings: Settings, private: bool) -> None:
    from isofed.protocols.keys import private_folder
    from isofed.seeds import site_secrets

    for path in (folder.root, folder.memories, folder.home, folder.logs):
        private_folder(path)
    site_secrets(folder.home / "secret")
    write_policy(folder.policy, first_policy(settings, private))
    # last, because a folder with settings is a whole one
    write_settings(folder.settings, settings)


def _join(argv: list[str]) -> int:
    from isofed.client.site import join
    from isofed.client.site.manifest import manifest

    text = "Apply with the operator's token, read from the standard input, or ask how the application stands."
    parser = _parser("join", text)
    parser.add_argument("--wait", type=float, default=0.0, help="seconds to wait for the operator's approval")
    parser.add_argument("--anew", action="store_true", help="read a new token, though one was given before")
    given = parser.parse_args(argv)
    folder = SiteFolder(Path(given.dir))
    settings = read_settings(folder.settings)
    # what stands in a command line can be read by everybody on the machine
    token = _token() if given.anew or not folder.authority.exists() else ""
    # what is wrong with the data is found before anybody is asked, and the token is still good then
    said = manifest(settings) if token else {}
    state = join.join(folder, lambda: said, token, given.wait, print)
    if state == "approved":
        print(f"next: isofed site up {quote(str(folder.root))}")
        return 0
    again = f"isofed site join {quote(str(folder.root))}"
    print(f"the operator has yet to approve {settings.name}; then run {again} again")
    return 1


def _token() -> str:
    if sys.stdin.isatty():
        print("paste the operator's token: ", end="", flush=True)
    return sys.stdin.readline().strip()


def _renew(argv: list[str]) -> int:
    from isofed.client.site import join

    folder = _folder("renew", "Renew the certificate if two thirds of its time have passed.", argv)
    new = join.renew(folder)
    until = time.strftime("%Y-%m-%d", time.gmtime(join.expires(folder)))
    print(f"{'renewed' if new else 'still good'}: the certificate holds until {until}")
    return 0


def _doctor(argv: list[str]) -> int:
    from isofed.client.site import doctor

    folder = _folder("doctor", "Look at everything that a site needs; 1 if something fails.", argv)
    failed = False
    for finding in doctor.findings(folder):
        print(finding, flush=True)
        failed |= finding.state == doctor.FAIL
    return int(failed)


def _up(argv: list[str]) -> int:
    from isofed.client.site import up

    folder = _folder("up", "Take part until stopped; ends with Ctrl-C or SIGTERM.", argv)
    return up.main(folder, lambda text: print(text, flush=True))


def _service(argv: list[str]) -> int:
    from isofed.client.site import service

    parser = _parser("service", "Write a hardened systemd unit and a compose file into the site's folder.")
    parser.add_argument("--user", default=service.user(), help="who runs the site; you")
    given = parser.parse_args(argv)
    paths = service.write(SiteFolder(Path(given.dir)), given.user)
    print("\n".join(["wrote", *(f"  {path}" for path in paths), service.how(paths)]))
    return 0


def _status(argv: list[str]) -> int:
    from isofed.client.site import up
    from isofed.client.site.state import read_state

    folder = _folder("status", "What the site is at.", argv)
    settings, state = read_settings(folder.settings), read_state(folder)
    policy = read_policy(folder.policy)
    print(f"{settings.name}: {'up' if up.is_up(folder) else 'down'}, {settings.task}, {settings.level}")
    if state is not None and state.run:
        print(f"run {state.run}, round {state.round}{', at work' if state.busy else ''}")
    print(
        f"answers {', '.join(policy.messages) or 'nothing'}; at most {policy.bytes_a_round:,} bytes a round"
    )
    for name in ("answers", "refusals"):
        lines = _last(folder.logs / f"{name}.jsonl")
        print(f"last {name}:" if lines else f"no {name}")
        for line in lines:
            print("  " + " ".join(str(value) for value in line.values() if value not in ("", 0)))
    return 0


def _last(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text().splitlines()[-2 * TAIL :]
    except OSError:
        return []
    return [json.loads(line) for line in lines if line.endswith("}")][-TAIL:]


def _folder(name: str, text: str, argv: list[str]) -> SiteFolder:
    return SiteFolder(Path(_parser(name, text).parse_args(argv).dir))


def _parser(name: str, text: str) -> Parser:
    parser = Parser(f"isofed site {name}", text)
    parser.add_argument("dir", help="the site's folder")
    return parser


COMMANDS = {
    "init": _init,
    "join": _join,
    "doctor": _doctor,
    "up": _up,
    "service": _service,
    "status": _status,
    "renew": _renew,
}
