"""``isofed experiment``: a published experiment from its data to its page."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.errors import ConfigError
from isofed.simulations.experiments.action_units.options import ActionUnitExperiment
from isofed.simulations.experiments.action_units.run import run as run_action_units
from isofed.simulations.experiments.action_units.told import written as written_action_units
from isofed.simulations.experiments.marks import check, fill
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.experiments.micro_gesture.run import run as run_micro_gesture
from isofed.simulations.experiments.micro_gesture.told import written as written_micro_gesture
from isofed.simulations.experiments.privacy.options import PrivacyExperiment
from isofed.simulations.experiments.privacy.run import run as run_privacy
from isofed.simulations.experiments.privacy.told import written as written_privacy
from isofed.simulations.experiments.robustness.options import RobustnessExperiment
from isofed.simulations.experiments.robustness.run import run as run_robustness
from isofed.simulations.experiments.robustness.told import written as written_robustness
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.vein.run import run as run_vein
from isofed.simulations.experiments.vein.written import written as written_vein
from isofed.simulations.experiments.words import chosen, listed
from isofed.simulations.stopped import stopped_in_words
from isofed.suggest import pick, unknown

OUT, PAGE = "out=", "page="
HELP = """isofed experiment: a published experiment from its data to its page, as one command

  isofed experiment vein                    with the defaults, into outputs/vein-experiment
  isofed experiment vein fingers=200 seeds=2 out=DIR
  isofed experiment vein --help             what can be set
  isofed experiment micro_gesture           clips without labels, and hyperedges: what each gives
  isofed experiment action_units            one of six databases left out; infusion, magnified motion
  isofed experiment privacy                 accuracy against epsilon, on every task
  isofed experiment robustness              every robust rule under every attack, on reid and vein

Write the same command again to continue one that was stopped: what is done is not done again.
"""


@dataclass(frozen=True)
class Experiment:
    """An experiment: what it is in one sentence, the dataclass of its options, what runs it, and what puts
    the numbers that this returns into Markdown."""

    what: str
    options: type[Any]
    run: Callable[[Any, Path], Any]
    written: Callable[[Any], str]


EXPERIMENTS: Mapping[str, Experiment] = {
    "vein": Experiment(
        "pretrain on drawn fingers, fine-tune on a few of unseen sensors: alone, federated and pooled",
        VeinExperiment,
        run_vein,
        written_vein,
    ),
    "micro_gesture": Experiment(
        "few labels with reconstruction or without it: alone, federated, pooled; two kinds of attention",
        MicroGestureExperiment,
        run_micro_gesture,
        written_micro_gesture,
    ),
    "action_units": Experiment(
        "one of six databases left out: alone, federated, pooled; without infusion, without magnification",
        ActionUnitExperiment,
        run_action_units,
        written_action_units,
    ),
    "robustness": Experiment(
        "every robust rule under every attack, on reid and vein: accuracy and attack success",
        RobustnessExperiment,
        run_robustness,
        written_robustness,
    ),
    "privacy": Experiment(
        "the cost of privacy: accuracy against epsilon, on every task",
        PrivacyExperiment,
        run_privacy,
        written_privacy,
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
    options = chosen(found.options, [word for word in names[1:] if not word.startswith((OUT, PAGE))])
    folder = _path(names, OUT) or Path("outputs") / f"{names[0]}-experiment"
    page = _path(names, PAGE)
    if page:
        check(page, names[0])
    again = shlex.join(["isofed", "experiment", *argv])
    try:
        with stopped_in_words(lambda: f"what is done is kept; continue with: {again}"):
            numbers = found.run(options, folder)
        if page:
            fill(page, names[0], found.written(numbers))
            print(f"written into {page}")
    except OSError as error:
        named = f"'{error.filename}'" if error.filename else "a file of the experiment"
        raise ConfigError(
            f"cannot use {named} ({error.strerror}); make room, or name another folder: out=DIR"
        ) from None
    return 0


def _path(words: list[str], key: str) -> Path | None:
    found = [word.removeprefix(key) for word in words if word.startswith(key)]
    if not all(found):
        raise ConfigError(f"'{key}' names no folder or file; write one behind it, or leave it out")
    return Path(found[-1]).expanduser() if found else None


def _help(name: str) -> str:
    found = pick("experiment", name, EXPERIMENTS)
    head = f"isofed experiment {name}: {found.what}"
    places = ["  out=DIR: where to write, and to continue", "  page=FILE: a Markdown page for the result"]
    return "\n".join([head, "", *places, *listed(found.options), ""])
