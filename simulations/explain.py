"""``isofed explain``: what a privacy level means, for one task and strategy down to the byte."""

import shlex
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from flwr.app import RecordDict

from isofed.client.workshop import Workshop
from isofed.contracts import Contract, TableContract, TreeContract
from isofed.errors import CompositionError, ConfigError, IsofedError
from isofed.population import Numbered
from isofed.protocols import wire
from isofed.protocols.levels import LEVELS, Level, LevelOptions
from isofed.protocols.local_privacy import LOCAL
from isofed.protocols.privacy import PRIVACY
from isofed.records import Channel, Delta, Report, Value, empty_table
from isofed.setting import Setting, build
from isofed.simulations.command import composed
from isofed.simulations.overrides import own_strategy, single
from isofed.simulations.report.words import of_samples, several
from isofed.strategies.found import available
from isofed.suggest import unknown
from isofed.tasks import TASKS
from isofed.tasks.task import DataLayout, Site, Task
from isofed.trees import zeros

WIDTH = 100
ARRAYS = "--arrays"
HELP = f"""isofed explain: who is a client under a privacy level, what leaves it, and what never does

  isofed explain                                     all levels, briefly
  isofed explain protocol=camera                     one level, with the messages of the main job
  isofed explain protocol=camera strategy=fedavg     the messages of another strategy
  isofed explain protocol=camera data.root=DIR       of your own data
  isofed explain protocol=camera {ARRAYS}            every array of a message by name

Everything that `isofed simulate` understands may follow, such as task.stem=32.
"""
INSIDE = "    "  # begins a line that belongs to the one above
USUAL = ("dppt", "fedavg")  # named first where what was asked for does not run
SMALLEST = {
    **{"identities": 8, "test_identities": 2, "images": 1, "height": 32, "width": 16},
    **{"subjects": 1, "fingers": 2, "samples": 1},
}


def main(argv: list[str]) -> int:
    """Print the explanation and return 0; a combination that is refused is an answer, too."""
    if {"-h", "--help"} & set(argv):
        print(HELP)
        return 0
    words = [word if "=" in word else f"protocol={word}" for word in argv if word != ARRAYS]
    for word in words:
        if word.startswith("protocol=-"):
            raise unknown("option", word.removeprefix("protocol="), [ARRAYS, "--help"])
    if not words:
        print("\n\n".join(map(brief, LEVELS.values())) + "\n\nmore of one: isofed explain protocol=NAME")
        return 0
    values, *more = single(own_strategy(words), multirun=True)
    if more:
        raise ConfigError(
            "'isofed explain' tells of one configuration at a time; give one value for each key"
        )
    print(explained(composed(values), words, ARRAYS in argv))
    return 0


def brief(level: Level) -> str:
    """Return a level in three lines."""
    never = ", ".join(level.never) or "nothing is kept from anybody"
    return "\n".join(
        [
            f"protocol={level.name}",
            *_wrapped(f"a client is: {level.client}"),
            *_wrapped(f"leaves it: {'; '.join(level.leaves)}"),
            *_wrapped(f"never leaves it: {never}"),
        ]
    )


def explained(cfg: Mapping[str, Any], words: list[str], arrays: bool = False) -> str:
    """Return everything about the level of a configuration.

    Args:
        cfg: composed, as for a simulation.
        words: what the user wrote, for the command that runs it.
        arrays: name every array of a message.

    Raises:
        IsofedError: an unknown name or an impossible value; a mere refusal by the level is told instead.
    """
    cfg = counted(cfg)
    refusals = {name: _judged(cfg, name) for name in sorted(available())}
    task = TASKS[cfg["task"]["name"]]
    level = LEVELS[cfg["protocol"]["name"]]
    level = level.closed() if task.private_head else level
    sections = {
        f"protocol={level.name}: a client is": [level.client],
        "what leaves a client": level.leaves,
        "what never leaves it": level.never or ("nothing is kept from anybody",),
        "what the server sees": _seen(level, task),
        f"what you can set, here {_options(cfg)}": [],
        f"a report with task={task.name} and strategy={cfg['strategy']['name']}{_privacy(cfg)}": _report(
            cfg, arrays
        ),
        f"clients by data set of task={task.name}": list(_clients(cfg, level)),
        "strategies": _strategies(refusals),
        "how to run it": [_command(words, refusals, refusal(cfg, cfg["strategy"]))],
    }
    told = {title: [of_samples(line, task.sample) for line in lines] for title, lines in sections.items()}
    return "\n\n".join("\n".join([title, *_lines(lines)]) for title, lines in told.items())


def counted(cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration with the number of classes: as given, of the data, or of those drawn."""
    task, data = cfg["task"], cfg["data"]
    if task.get("classes", 1):
        return cfg
    if data["root"]:
        found = dict(_layout(cfg).resolve(Path(data["root"]), _setting(cfg).options))
    else:
        make = data["make"]
        found = {"classes": make.get("identities", make.get("fingers", make.get("subjects", 0)))}
    return {**cfg, "task": {**task, "classes": found["classes"]}}


def _setting(cfg: Mapping[str, Any], **changes: Any) -> Setting:
    keys = ("seed", "rounds", "evaluate_every", "task", "protocol", "strategy", "privacy", "dp")
    shared = {key: cfg[key] for key in keys} | {"run": "explained", "layout": cfg["data"]["layout"]}
    cfg = shared | changes
    return build(cfg, TASKS, available(cfg["strategy"].get("name")), LEVELS, LevelOptions, PRIVACY, LOCAL)


def _layout(cfg: Mapping[str, Any]) -> DataLayout:
    return TASKS[cfg["task"]["name"]].layouts[cfg["data"]["layout"]]


def _seen(level: Level, task: Task) -> list[str]:
    sums = "counts" if task.head_evaluated else "sums over queries"
    if not level.never:
        return ["there is no server of its own: the one trainer holds everything"]
    return [
        "each client's report by itself, every round, and which client it came from: this version adds no "
        "masks, noise only at the server itself, and an update can still tell something about the pictures "
        "behind it",
        f"of the evaluator, which holds the test {task.sample}s and trains nothing: {sums}",
        "no data: it holds none and trains nothing",
    ]


def _options(cfg: Mapping[str, Any]) -> str:
    given = cfg["protocol"]
    return ", ".join(f"protocol.{f.name}={given.get(f.name, f.default)}" for f in fields(LevelOptions))


def _report(cfg: Mapping[str, Any], arrays: bool) -> list[str]:
    try:
        setting = _setting(cfg)
        contract = Workshop(setting).outside(setting.options.classes)
    except CompositionError as error:
        return [f"there is none: {error}"]
    return [f"for {_labels(setting)}", *message(contract, arrays)]


def _privacy(cfg: Mapping[str, Any]) -> str:
    name = cfg["privacy"]["name"]
    return "" if name == "none" else f" and privacy={name}"


def _labels(setting: Setting) -> str:
    where = " at this client" if setting.level.private_head else ""
    return several(setting.options.classes, setting.task.label) + where


def message(contract: Contract, arrays: bool = False) -> Iterator[str]:
    """Yield lines about a report: its channels, what they hold, and their bytes.

    Args:
        contract: what the report may hold, and has to.
        arrays: name every array as well.
    """
    channels: dict[str, Channel] = {name: _empty(agreed) for name, agreed in contract.channels.items()}
    report = Report(1, 1, "1.1", channels, dict.fromkeys(contract.numbers, 0))
    content = wire.report_content(report)
    for name, record in content.array_records.items():
        agreed = contract.channels[name.partition(".")[2]]
        shapes = ", ".join(_array(key, a.dtype, a.shape) for key, a in record.items())
        size = wire.payload(RecordDict({name: record}))
        yield f"{name}, {agreed.meaning.replace('_', ' ')}: {shapes}; {size:,} bytes"
        if arrays and isinstance(agreed, TreeContract):
            yield from (INSIDE + _array(x.name, x.dtype, x.shape) for x in agreed.layout.leaves)
    numbers = ", ".join(f"{name} ({number.meaning})" for name, number in contract.numbers.items())
    yield f"numbers: {numbers}; {8 * len(contract.numbers)} bytes"
    yield f"together {wire.payload(content):,} bytes from each client in each round"


def _array(name: str, dtype: str, shape: Iterable[int]) -> str:
    # all arrays of one dtype travel as one flat array, which is named after the dtype
    return f"{'' if name == dtype else f'{name} '}{dtype}[{', '.join(map(str, shape))}]"


def _empty(agreed: TreeContract | TableContract) -> Channel:
    if isinstance(agreed, TableContract):
        return empty_table(agreed.rows or 1, agreed.width)  # as many as the site has: shown for one
    tree = zeros(agreed.layout)
    held = tree.map(lambda buffer: buffer.astype(agreed.held)) if agreed.held else tree
    return (Value if agreed.kind == "value" else Delta)(held)


def _clients(cfg: Mapping[str, Any], level: Level) -> Iterator[str]:
    for name, layout in sorted(TASKS[cfg["task"]["name"]].layouts.items()):
        own = cfg["data"]["root"] if name == cfg["data"]["layout"] else None
        try:
            yield f"{name}: {_named(_sites(layout, level.name, own))}"
        except IsofedError as error:
            yield f"{name}: {error}"


def _sites(layout: DataLayout, level: str, root: str | None) -> tuple[Site, ...] | Numbered:
    """Return the owners in the user's own data, or in the smallest data set that can be drawn."""
    if level not in layout.levels:
        raise CompositionError(f"none, it has clients under {', '.join(layout.levels)} alone")
    if root:
        return layout.sites(Path(root), level)
    if (same := layout.owners(level)) is not None:
        return same
    known = {f.name for f in fields(layout.options)}
    with tempfile.TemporaryDirectory(prefix="isofed-explain-") as folder:
        tree = Path(folder) / "data"
        layout.make(tree, 0, layout.options(**{k: v for k, v in SMALLEST.items() if k in known}), map, None)
        return layout.sites(tree, level)


def _named(sites: tuple[Site, ...] | Numbered) -> str:
    if isinstance(sites, Numbered):
        return f"{len(sites)} clients: {sites[0]} to {sites[-1]}"
    each = [", ".join(map(str, (site.name, *site.facts.values()))) for site in sites]
    return f"{len(sites)} client{'s' * (len(sites) > 1)}: {'; '.join(each)}"


def refusal(cfg: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    """Return why a strategy cannot run under the configuration's level with its task, or nothing."""
    try:
        setting = _setting(cfg, strategy=strategy)
        Workshop(setting).outside(setting.options.classes)
    except CompositionError as error:
        return str(error)
    return ""


def _judged(cfg: Mapping[str, Any], name: str) -> str:
    try:
        return refusal(cfg, {"name": name})
    except ConfigError as error:
        return str(error)  # an installed package's may have options that need a value


def _strategies(refusals: Mapping[str, str]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for name, reason in refusals.items():
        reasons.setdefault(reason, []).append(name)
    return [f"{', '.join(names)}: {f'refused: {why}' if why else 'run'}" for why, names in reasons.items()]


def _command(words: list[str], refusals: Mapping[str, str], reason: str) -> str:
    if not reason:
        return shlex.join(["isofed", "simulate", *words])
    runs = sorted((name for name, why in refusals.items() if not why), key=lambda name: name not in USUAL)
    if not runs:
        return f"not as asked for here: {reason}"
    kept = [word for word in words if not word.startswith("strategy")]
    return shlex.join(["isofed", "simulate", *kept, f"strategy={runs[0]}"])


def _lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from _wrapped(line if line.startswith(INSIDE) else f"- {line}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
