"""``isofed data make``, ``isofed data check`` and ``isofed data split``."""

import dataclasses
import sys
from pathlib import Path
from typing import Any, NoReturn

from isofed.config import read
from isofed.errors import ConfigError, DataError
from isofed.files import unusable
from isofed.suggest import pick, unknown
from isofed.tasks import TASKS
from isofed.tasks.layouts.asked import asked, in_words, keep, parted, refuse_another, there
from isofed.tasks.parting import Parted, part
from isofed.tasks.task import DataLayout

HELP = """isofed data make LAYOUT --out DIR [--seed N] [--overwrite true] [--OPTION VALUE ...]
isofed data check LAYOUT DIR
isofed data split LAYOUT DIR OUT [--level LEVEL] [--overwrite true] [--OPTION VALUE ...]

make   draws a small synthetic data set in the layout as it is published; a folder that holds the
       same one is left as it is, one drawn with other options is replaced with --overwrite true
       alone, and one that isofed did not make never
check  compares a folder with the published counts and opens every image
split  copies what belongs to each site into a folder of its own under OUT, and the benchmark's
       test data into OUT/evaluator: a tree for each machine of a trial; under the level camera
       unless another one is named, and with those of the task's options that say who is tested,
       such as --split 2, if the run will have them; parts made alike are replaced, others in OUT
       with --overwrite true alone

  isofed data make sysu --out /data/demo --seed 3 --identities 32
  isofed data check sysu /data/SYSU-MM01
  isofed data split sysu /data/demo /data/parts"""


def layouts() -> dict[str, DataLayout]:
    """Return every layout of every task by name."""
    return {name: layout for task in TASKS.values() for name, layout in task.layouts.items()}


def main(argv: list[str]) -> int:
    """Make, check or split; 0 if all is well, 1 if a check found something."""
    if not argv or {"-h", "--help"} & set(argv):
        print(HELP + "\n\n" + "\n".join(_options()))
        return 0
    command = pick("data command", argv[0], {"make": make, "check": check, "split": split})
    try:
        return command(argv[1:])
    except OSError as error:
        raise unusable(error) from None


def make(argv: list[str]) -> int:
    """Write a synthetic tree, unless the same one is there."""
    layout, options = _layout(argv), _pairs(argv[1:])
    out, seed = _out(options), _whole("seed", options.pop("seed", "0"))
    over = _truth("overwrite", options.pop("overwrite", "false"))
    values = read(layout.options, _typed(layout.options, options), layout.name)
    wanted, found = asked(layout.name, seed, values), there(out)
    if found is not None and not over:
        refuse_another(out, found, wanted)
        print(f"{out} holds exactly this already and was left as it is; --overwrite true makes it anew")
        return 0
    layout.make(out, seed, values, map, _told if sys.stderr.isatty() else None)
    keep(out, wanted)
    before = "" if found is None else f", in place of {in_words(found, wanted) or 'the same'}"
    print(f"wrote {out}{before}")
    return 0


def check(argv: list[str]) -> int:
    """Compare a folder with what is published."""
    layout = _layout(argv)
    if len(argv) != 2:
        _usage("give one folder")
    findings = layout.check(Path(argv[1]), _told if sys.stderr.isatty() else None)
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = "ok " if finding.ok else "BAD"
        print(f"{mark}  {finding.what:<{width}}  found {finding.found}, expected {finding.expected}")
    return 0 if all(finding.ok for finding in findings) else 1


def split(argv: list[str]) -> int:
    """Copy a tree's parts into folders of their own."""
    layout = _layout(argv)
    if len(argv) < 3:
        _usage("give two folders")
    options = _pairs(argv[3:])
    level = pick("level", options.pop("level", layout.levels[0]), {name: name for name in layout.levels})
    over = _truth("overwrite", options.pop("overwrite", "false"))
    root, out = Path(argv[1]), _folder("OUT", argv[2])
    if root.resolve() in (out.resolve(), *out.resolve().parents):
        raise ConfigError(f"'{out}' lies in '{root}', which is to be split; name a folder beside it")
    if out.resolve() in root.resolve().parents:
        raise ConfigError(f"'{root}', which is to be split, lies in '{out}'; name a folder beside it")
    task = next(task for task in TASKS.values() if task.layouts.get(layout.name) is layout)
    known = ["level", *(field.name for field in dataclasses.fields(task.options))]
    if odd := set(options) - set(known):
        raise unknown("option", min(odd), known)
    typed = _typed(task.options, options)
    wanted, found = parted(layout.name, level, typed), there(out)
    if found is not None and not over:
        refuse_another(out, found, wanted)
        raise DataError(
            f"'{out}' holds parts made alike, perhaps of another tree; name another folder, or write "
            "--overwrite true to replace them"
        )
    for name, made in part(task, layout, root, out, level, typed).items():
        print(f"{out / name}: {made.files} files{told(made)}")
    keep(out, wanted)
    if found is not None:
        print(f"in place of {in_words(found, wanted) or 'parts made alike'}")
    return 0


def told(made: Parted) -> str:
    """Return what a part says of others, in words; nothing where it says nothing."""
    return f", and {made.told}, by which this layout's reader parts people" if made.told else ""


def _out(options: dict[str, str]) -> Path:
    """Take the folder to write out of the options."""
    if not options.get("out"):
        _usage("--out DIR is missing")
    return _folder("--out", options.pop("out"))


def _folder(name: str, value: str) -> Path:
    """Read the name of a folder that may be replaced."""
    if Path.cwd().is_relative_to(Path(value).absolute().resolve()):
        raise ConfigError(f"'{name}' is '{value}', and you stand inside it; name a folder of its own")
    return Path(value)


def _layout(argv: list[str]) -> DataLayout:
    if not argv or argv[0].startswith("-"):
        _usage("the layout's name is missing")
    return pick("layout", argv[0], layouts())


def _pairs(argv: list[str]) -> dict[str, str]:
    names, values = argv[::2], argv[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        _usage(f"cannot read '{' '.join(argv)}'; options come as --NAME VALUE")
    return {
        name.removeprefix("--").replace("-", "_"): value for name, value in zip(names, values, strict=True)
    }


def _typed(schema: type[Any], options: dict[str, str]) -> dict[str, Any]:
    kinds = {field.name: type(field.default) for field in dataclasses.fields(schema)}
    return {name: _convert(name, kinds.get(name, str), value) for name, value in options.items()}


def _convert(name: str, kind: type[Any], value: str) -> Any:
    if kind is bool:  # bool("false") is True
        return _truth(name, value)
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"'--{name}' is '{value}', but must be of type {kind.__name__}") from None


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise ConfigError(f"'--{name}' is '{value}', but must be true or false")
    return value == "true"


def _whole(name: str, value: str) -> int:
    return int(_convert(name, int, value))


def _options() -> list[str]:
    lines = []
    for layout in layouts().values():
        named = ", ".join(f"--{f.name} {f.default}" for f in dataclasses.fields(layout.options))
        lines.append(f"{layout.name}: {layout.summary}\n  {named}")
    return lines


def _told(done: int, total: int) -> None:
    print(f"\r{done}/{total} images", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _usage(problem: str) -> NoReturn:
    raise ConfigError(f"{problem}; see: isofed data --help")
