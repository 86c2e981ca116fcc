"""``isofed list``: what can be written after task=, strategy=, protocol=, privacy=, engine= and data=."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from isofed.errors import ConfigError
from isofed.protocols.levels import LEVELS
from isofed.protocols.local_privacy import LOCAL
from isofed.protocols.privacy import PRIVACY
from isofed.simulations.described import Described, described, plain, told
from isofed.simulations.engine import ENGINES
from isofed.simulations.hostile.attacks import ATTACKS
from isofed.simulations.hostile.attacks import NONE as NOBODY
from isofed.simulations.traces import KINDS
from isofed.strategies.found import available, is_file
from isofed.strategies.stock import flowers
from isofed.strategies.uneven import CLIENTS
from isofed.suggest import pick, unknown
from isofed.tasks import TASKS
from isofed.tasks.data_command import layouts

PRESETS = {
    "none": "every choice as its own default says",
    "paper": "all choices as the text of L2RW has them",
    "released": "all choices as its released code has them",
}

LISTS: dict[str, Callable[[], Mapping[str, str]]] = {
    "tasks": lambda: {name: task.summary for name, task in TASKS.items()},
    "strategies": lambda: {name: _summary(make) for name, make in {**available(), **flowers()}.items()},
    "protocols": lambda: {name: level.client for name, level in LEVELS.items()},
    "privacy": lambda: {name: _summary(make) for name, make in PRIVACY.items()},
    "clients": lambda: KINDS,
    "dp": lambda: {name: _summary(make) for name, make in LOCAL.items()},
    "attacks": lambda: {
        "none": "every site sends what it trained",
        **{n: _summary(a) for n, a in ATTACKS.items()},
        "colluders": "two sites send the mean of what they trained, turned around: sign_flip, collude=true",
    },
    "engines": lambda: ENGINES,
    "data": lambda: {name: layout.summary for name, layout in layouts().items()},
    "presets": lambda: PRESETS,
    "layouts": lambda: {name: layout.summary for name, layout in layouts().items()},
}
# whose entries can be asked for
ONE = {
    "strategies": "strategy",
    "privacy": "privacy",
    "dp": "dp",
    "clients": "clients",
    "attacks": "attack",
}
# choices that are files alone, and whose options they have
OTHERWISE = {
    "clients": dict.fromkeys(set(KINDS) - set(CLIENTS), "uneven"),
    "attacks": {"colluders": "sign_flip"},
}
# where else one entry is told of
ELSEWHERE = {
    "protocols": "isofed explain protocol=NAME",
    **dict.fromkeys(("data", "layouts"), "isofed data --help"),
}
OPTIONS = ("--json", "--help")
NAMES = f"isofed list {'|'.join(ONE)} NAME"
USAGE = f"isofed list {'|'.join(LISTS)} [--json]"
HELP = f"""{USAGE}
{NAMES} [--json]

The second tells of one strategy, one choice of privacy steps or of private training (dp), one attack,
or of clients: its equation, its options with their defaults, and its source. A strategy's NAME may be
path/to/mine.py:my_recipe.
"""


def main(argv: list[str]) -> int:
    """Print one list, or all of them."""
    if {"-h", "--help"} & set(argv):
        print(HELP)
        return 0
    wanted = [word for word in argv if word != "--json"]
    for word in wanted:
        if word.startswith("-"):
            raise unknown("option", word, OPTIONS)
    if len(wanted) == 2 and wanted[0] in ONE:
        print(_one(wanted[0], wanted[1], "--json" in argv))
        return 0
    if len(wanted) == 2 and wanted[0] in ELSEWHERE:
        raise ConfigError(f"isofed list {wanted[0]} tells of no single one; write: {ELSEWHERE[wanted[0]]}")
    if len(wanted) > 1:
        raise ConfigError(f"one list at a time; write: {USAGE}, or {NAMES}")
    chosen = {wanted[0]: pick("list", wanted[0], LISTS)()} if wanted else {n: f() for n, f in LISTS.items()}
    if "--json" in argv:
        print(json.dumps(sorted(chosen[wanted[0]]) if wanted else {n: sorted(c) for n, c in chosen.items()}))
        return 0
    for name, entries in chosen.items():
        print(name if not wanted else "", end="\n" if not wanted else "")
        for key, what in sorted(entries.items()):
            print(f"  {key:<25} {what}")
    return 0


def _one(kind: str, name: str, as_json: bool) -> str:
    """Return the page of one entry; of a choice that is another one with other options, that one's."""
    listed = LISTS[kind]()
    if not is_file(name):
        pick(ONE[kind], name, listed)
    other = OTHERWISE.get(kind, {}).get(name, name)
    nobody = (kind, name) == ("attacks", NOBODY)
    page = Described(ONE[kind], name, listed[name]) if nobody else described(other, ONE[kind])
    if as_json:
        return json.dumps(asdict(page), ensure_ascii=False)
    first = f"{ONE[kind]}={name}: {listed[name]}; with other defaults it is" if other != name else ""
    return "\n\n".join(filter(None, [first, told(page)]))


def _summary(make: Callable[..., object]) -> str:
    """Return the first line of a docstring as plain words."""
    return plain((make.__doc__ or "").split("\n")[0])
