"""``isofed experiment``: a published experiment from its data to its page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.errors import ConfigError
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.vein.run import run as run_vein
from isofed.simulations.experiments.words import chosen, listed
from isofed.suggest import pick, unknown

OUT = "out="
HELP = """isofed experiment: a published experiment from its data to its page, as one command

  isofed experiment vein                    with the defaults, into outputs/vein-experiment
  isofed experiment vein fingers=200 seeds=2 out=DIR
  isofed experiment vein --help             what can be set

Write the same command again to continue one that was stopped: what is done is not done again.
"""


@dataclass(frozen=True)
class Experiment:
    """An experiment: what it is in one sentence, the dataclass of its options, and what runs it."""

    what: str
    options: type[Any]
    run: Callable[[Any, Path], Any]


EXPERIMENTS: Mapping[str, Experiment] = {
    "vein": Experiment(
        "pretrain on drawn fingers, fine-tune on a few of unseen sensors: alone, federated and pooled",
        VeinExperiment,
        run_vein,
    ),
}


def main(argv: list[str]) -> int:
    """Run ``isofed experiment`` and return its exit code."""
    names = [word for word in argv if not word.startswith("-")]
    if "--help" in argv or "-h" in argv:
        print(_help(names[0]) if names else HELP)
        return 0
    if len(names) < len(argv):
        raise unknown("option", next(word for word in argv if word.startswith("-")), ["--help"])
    if not names:
        raise ConfigError(f"name the experiment: isofed experiment {'|'.join(EXPERIMENTS)}")
    found = pick("experiment", names[0], EXPERIMENTS)
    places = [word.removeprefix(OUT) for word in names[1:] if word.startswith(OUT)]
    options = chosen(found.options, [word for word in names[1:] if not word.startswith(OUT)])
    folder = Path(places[-1]).expanduser() if places else Path("outputs") / f"{names[0]}-experiment"
    try:
        found.run(options, folder)
    except OSError as error:
        named = f"'{error.filename}'" if error.filename else "a file of the experiment"
        raise ConfigError(
            f"cannot use {named} ({error.strerror}); make room, or name another folder: out=DIR"
        ) from None
    return 0


def _help(name: str) -> str:
    found = pick("experiment", name, EXPERIMENTS)
    head = f"isofed experiment {name}: {found.what}"
    return "\n".join([head, "", "  out=DIR: where to write, and to continue", *listed(found.options), ""])
