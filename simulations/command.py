"""``isofed simulate``: Hydra in front, one clear sentence where something is wrong."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from isofed.errors import ConfigError, IsofedError
from isofed.files import unusable
from isofed.server.state import newest
from isofed.simulations.compare.command import tell
from isofed.simulations.federation import CHECKPOINTS
from isofed.simulations.folder import CONFIG, continuing
from isofed.simulations.overrides import (
    SHOW,
    SWEEP,
    check_options,
    from_home,
    options_first,
    own_strategy,
    single,
)
from isofed.simulations.plan import Plan, make_plan, runnable
from isofed.simulations.refusals import in_one_sentence
from isofed.simulations.simulate import resume, simulate
from isofed.simulations.stopped import stopped_in_words
from isofed.simulations.strategies_group import register, without_missing

SWEEP_DIR = "hydra.sweep.dir="
Run = Callable[[Mapping[str, Any], Path, list[str]], Any]
HELP = """isofed simulate: a federation on this machine, from data to report

  isofed simulate                            six synthetic cameras, DPPT, 20 rounds
  isofed simulate task=vein                  finger veins: drawn fingers, four owners, FedAvg
  isofed simulate strategy=fedavg seed=1     choose a group, set a value
  isofed simulate strategy.lam=0.5           set a value inside a group
  isofed simulate strategy=mine.py:my_recipe a strategy of your own, see docs/strategies.md
  isofed simulate protocol=entity data=regdb_llcm_to_sysu
                                             another privacy level, other data
  isofed simulate data=llcm data.root=DIR    train on a real tree; without data=, SYSU-MM01's
  isofed simulate preset=paper data.root=DIR weights=FILE
                                             as the paper has it, on a GPU; also preset=released
  isofed simulate --multirun seed=0,1,2      repeat with each value, compare at the end;
                                             strategy=fedavg,fedbn,mine.py:my_recipe as well
  isofed simulate controls=full              add the honest controls (minutes)
  isofed simulate dp=example dp.epsilon=8 strategy=fedavg task.norm=group task.objective=identity
                                             sites train by DP-SGD: no image shows in what leaves; dp=subject:
                                             no identity; see docs/privacy/training.md
  isofed simulate --resume RUN               continue a run that was stopped, in its folder
  isofed simulate --cfg job                  show the configuration and stop

groups   data, task, protocol, strategy, privacy, dp, clients, attack, engine: `isofed list` names what each
         offers (data: the layouts), `isofed list strategies NAME` a strategy's options, `... privacy NAME`
         those of steps, `... dp NAME` those of private training, `... attacks NAME` an attack's,
         `... clients uneven` how sites can differ;
         preset: none, paper, released, every choice on which L2RW's text and code differ
also     weights=FILE           begin with public weights, such as ImageNet's
         public.root=DIR        what the server of feddf and fedpav learns from, if not from drawn people
         data.declared=LEVEL    the weakest level that the data's owner allows; see isofed declare
         evaluate_every=N       rounds between evaluations
         attack=sign_flip       some sites send what they should not; see docs/robustness/experiment.md
         fewest=N               usable replies that make a round; 0: as the rule says
         clients=stragglers     sites that are slow; dropouts, steps, late, weighted; see docs/uneven.md
         data.partition=dirichlet data.clients=8  deal samples anew among virtual clients (protocol=entity)
         cohort=N               ask so many sites each round, drawn evenly; 0: all
         holdout=0.2            keep that share of each site's samples from training, measure on them there
         select_on_test=true    report the best round on the test set, and say so
         alone=false            do not train each site alone beside the federation
         tensorboard=false progress=false  write no tb/, print less
         profile=true           say where the rounds' time went; trace.json opens in Perfetto
         engine.device=cuda:0   where to compute; auto takes a CUDA device if there is one
         engine.workers=N       processes; auto measures what is faster before the first round, and saves it
         engine.threads_per_client=N  torch threads of each, auto as well; another number, other bits
         engine.traced=true     small models faster, with equal bits, where steps allow; docs/engine.md
         engine.together=K      K sites of a process at once, for tiny models; equal within rounding
output   outputs/DATE_TIME/ with summary.json, report.html, tb/ and checkpoints/,
         or where hydra.run.dir=DIR says; --multirun adds compare.html, the runs side by side;
         isofed compare does so for any runs
"""


def main(argv: list[str]) -> int:
    """Run ``isofed simulate`` and return its exit code: 0 only if it finished."""
    check_options(argv)
    argv = options_first(own_strategy(argv))
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    try:
        if "--resume" in argv:
            return _resume(argv)
        return started(argv, runnable, simulate, "simulate")
    except OSError as error:
        raise unusable(error) from None


def check(overrides: list[str], multirun: bool = False, possible: Callable[[Plan], Plan] = runnable) -> None:
    """Compose and read the configuration before anything is written.

    Args:
        overrides: the words.
        multirun: whether they may hold several values.
        possible: refuses a plan that cannot be run here.

    Raises:
        IsofedError: one sentence for whatever is wrong.
    """
    for values in single(overrides, multirun):
        possible(make_plan(composed(values), Path("outputs")))


def composed(overrides: list[str]) -> Mapping[str, Any]:
    """Return the configuration that ``KEY=VALUE`` words stand for.

    Raises:
        ConfigError: a word that Hydra cannot place.
    """
    with _composing():
        return _plain(hydra.compose("simulate", overrides))


@contextmanager
def _composing() -> Iterator[None]:
    GlobalHydra.instance().clear()
    register()
    try:
        with _refusing(), hydra.initialize_config_module("isofed.simulations.conf", version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().clear()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(in_one_sentence(error)) from None


def _plain(config: Any) -> Mapping[str, Any]:
    values: Any = OmegaConf.to_container(config, resolve=True)
    values.pop("hydra", None)
    return {**values, "strategy": without_missing(values["strategy"])}


def started(argv: list[str], possible: Callable[[Plan], Plan], run: Run, command: str) -> int:
    """Check what the words stand for, and run it under Hydra; return the exit code.

    Args:
        argv: options first.
        possible: refuses a plan that cannot be run here.
        run: of the configuration, the run's folder and the words.
        command: behind ``isofed``.
    """
    argv = from_home(argv)
    if not set(SHOW) & set(argv):
        check([word for word in argv if not word.startswith("-")], bool(set(SWEEP) & set(argv)), possible)
    failed: list[str] = []
    swept: dict[Path, Path] = {}  # each run of a sweep, with the sweep's folder

    @hydra.main(config_path="conf", config_name="simulate", version_base="1.3")
    def job(config: Any) -> None:
        running = HydraConfig.get()
        folder, whole = Path(running.runtime.output_dir), ""
        if running.mode == RunMode.MULTIRUN:
            swept[folder] = Path(running.runtime.cwd) / running.sweep.dir
            whole = _sweep_again(argv, swept[folder]) if command == "simulate" else ""
        try:
            with stoppable(folder, command, whole):
                run(_plain(config), folder, list(running.overrides.task))
        except IsofedError as error:
            failed.append(str(error))
            print(f"isofed: {error}", file=sys.stderr)

    sys.argv = [f"isofed {command}", *argv]
    # otherwise Hydra would print an error itself, in a paragraph
    os.environ["HYDRA_FULL_ERROR"] = "1"
    register()
    with _refusing():
        job()
    if len(swept) > len(failed):
        print()
        tell(list(swept), next(iter(swept.values())))
    return 2 if failed else 0


def _resume(argv: list[str]) -> int:
    if len(argv) != 2 or argv[0] != "--resume":
        raise ConfigError(
            "--resume takes the folder of one run and nothing else: isofed simulate --resume RUN"
        )
    with stoppable(Path(argv[1]), "simulate"):
        resume(Path(argv[1]))
    return 0


@contextmanager
def stoppable(folder: Path, command: str, whole: str = "") -> Iterator[None]:
    """Say how a run that is stopped by Ctrl-C or SIGTERM is continued.

    Args:
        folder: the run's.
        command: behind ``isofed``.
        whole: the command that continues it and the sweep to which it belongs.
    """
    with stopped_in_words(lambda: _kept(folder, whole or continuing(folder, command), bool(whole))):
        yield


def _kept(folder: Path, command: str, sweep: bool) -> str:
    if not (folder / CONFIG).exists() and not sweep:
        return "nothing was begun; write the same command again"
    rounds = newest(folder / CHECKPOINTS)
    kept = f"the run is kept up to round {rounds}" if rounds else "no round is kept yet"
    return f"{kept}; continue with: {command}"


def _sweep_again(argv: list[str], folder: Path) -> str:
    """Return the command that goes through a sweep again, in which a run that is finished takes no time."""
    words = [word for word in argv if not word.startswith(SWEEP_DIR)]
    return shlex.join(["isofed", "simulate", *words, f"{SWEEP_DIR}{folder}"])
