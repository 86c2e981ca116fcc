"""``isofed run``: Hydra in front of a federation of deployed sites."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from isofed.errors import ConfigError
from isofed.files import unusable
from isofed.simulations.command import started, stoppable
from isofed.simulations.deployable import ready
from isofed.simulations.deployed_run import RULE, deploy, resume
from isofed.simulations.overrides import check_options, options_first, own_strategy

OURS = ("hub", "sites")  # words of this command, which stand in the engine group
ALWAYS = {"engine": "engine=deployed", "alone": "alone=false"}
HELP = """isofed run: a federation of approved sites on their own machines, from the server's machine

  isofed run hub=DIR                         all approved sites that fit: DPPT, 20 rounds
  isofed run hub=DIR strategy=fedavg rounds=50
  isofed run hub=DIR sites=cam1,cam2,evaluator
                                             these alone
  isofed run hub=DIR engine.minimum=5        go on with five reports where a sixth site is away
  isofed run --resume RUN [engine.minimum=N] continue a run that was stopped, or a server that died

DIR is the folder of `isofed server init`; `isofed server up DIR` must be running. Data, devices and
threads are the sites' own: each opens its own data, and its policy has the last word on what it does.

groups   data (the layout), task, protocol, strategy, privacy, preset, as in isofed simulate; sites are those
         whose task, layout and level are the run's
also     engine.minimum=N       usable reports that make a round; 0: all that are asked
         engine.deadline=600    seconds after which a round ends without those that have not answered
         engine.attempts=3      how often a round with too few reports is tried before the run stops
         engine.absent=60       seconds of silence after which a site is not waited for, if others suffice
         seed, rounds, weights, cohort, evaluate_every, holdout, tensorboard, progress: as in isofed simulate
not      controls, alone, profile, engine.workers: what needs all data in one place, or one machine
output   outputs/DATE_TIME/ with summary.json, report.html, tb/, checkpoints/ and events.jsonl, or where
         hydra.run.dir=DIR says
"""


def main(argv: list[str]) -> int:
    """Run ``isofed run`` and return its exit code: 0 only if it finished."""
    check_options(argv)
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    try:
        if "--resume" in argv:
            return _resume(argv)
        return started(options_first(own_strategy(words(argv))), ready, _run, "run")
    except OSError as error:
        raise unusable(error) from None


def words(argv: list[str]) -> list[str]:
    """Return the words as Hydra takes them: this engine chosen, ``hub=`` and ``sites=`` in its group."""
    given = {word.partition("=")[0] for word in argv}
    if "hub" not in given:
        raise ConfigError("isofed run needs the server's folder; write hub=DIR")
    if "engine" in given and ALWAYS["engine"] not in argv:
        raise ConfigError("isofed run has engine=deployed; for another engine write isofed simulate")
    return [*(word for key, word in ALWAYS.items() if key not in given), *map(_placed, argv)]


def _run(cfg: Mapping[str, Any], folder: Path, overrides: list[str]) -> None:
    """Run it; what is written down are the words as they were written."""
    prefixes = {f"engine.{key}=": f"{key}=" for key in OURS}
    kept = [word for word in overrides if word not in ALWAYS.values()]
    for long, short in prefixes.items():
        kept = [word.replace(long, short, 1) if word.startswith(long) else word for word in kept]
    deploy(cfg, folder, kept)


def _placed(word: str) -> str:
    key, equals, value = word.partition("=")
    if key not in OURS or not equals:
        return word
    if not value:
        raise ConfigError(f"'{word}' has no value; write hub=DIR, and sites=NAME,NAME if not all take part")
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"engine.{key}='{quoted}'"


def _resume(argv: list[str]) -> int:
    at = argv.index("--resume")
    rest = [*argv[:at], *argv[at + 2 :]]
    if at + 1 == len(argv) or not all(word.startswith("engine.") and "=" in word for word in rest):
        known = ", ".join(f"engine.{key}=" for key in RULE)
        raise ConfigError(
            f"--resume takes the folder of one run, and perhaps {known}: isofed run --resume RUN"
        )
    folder = Path(argv[at + 1])
    rule: Any = OmegaConf.to_container(OmegaConf.from_dotlist(rest)) if rest else {}
    with stoppable(folder, "run"):
        resume(folder, rule.get("engine", {}))
    return 0
