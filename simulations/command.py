"""``isofed simulate``: Hydra in front, one clear sentence where something is wrong."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from isofed.errors import ConfigError, IsofedError
from isofed.simulations.plan import make_plan
from isofed.simulations.refusals import in_one_sentence
from isofed.simulations.simulate import resume, simulate

HELP = """isofed simulate: a federation on this machine, from data to report

  isofed simulate                          six synthetic cameras, DPPT, 20 rounds
  isofed simulate strategy=fedavg seed=1   choose a group, set a value
  isofed simulate strategy.lam=0.5         set a value inside a group
  isofed simulate data.root=DIR            train on a real SYSU-MM01 tree
  isofed simulate --multirun seed=0,1,2    repeat with each value
  isofed simulate controls=full            add the honest controls (minutes)
  isofed simulate --resume RUN             continue a run that was stopped, in its folder
  isofed simulate --cfg job                show the configuration and stop

groups   task, protocol, strategy, engine, data; `isofed list` names what each offers
output   outputs/DATE_TIME/ with summary.json, report.html, tb/ and checkpoints/,
         or where hydra.run.dir=DIR says
"""


def main(argv: list[str]) -> int:
    """Run ``isofed simulate`` and return its exit code: 0 only if it finished."""
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    if argv and argv[0] == "--resume":
        return _resume(argv[1:])
    if not any(option in argv for option in ("--cfg", "-c", "--info", "-i", "--hydra-help")):
        check([value for value in argv if not value.startswith("-")])
    return _hydra(argv)


def check(overrides: list[str]) -> None:
    """Compose and read the configuration before anything is written.

    Raises:
        IsofedError: one sentence for whatever is wrong.
    """
    for values in _single(overrides):
        with _composing():
            config = hydra.compose("simulate", values)
        make_plan(_plain(config), Path("outputs"))


def _single(overrides: list[str]) -> Iterator[list[str]]:
    """Yield the overrides with each sweep replaced by its values in turn, the others by their first."""
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise ConfigError(in_one_sentence(error)) from None
    choices = [_values(override) for override in parsed]
    for step in range(max([len(c) for c in choices], default=1)):
        yield [choice[min(step, len(choice) - 1)] for choice in choices]


def _values(override: Any) -> list[str]:
    if not override.is_sweep_override() or not override.is_discrete_sweep():
        return [override.input_line]
    key = override.get_key_element()
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


@contextmanager
def _composing() -> Iterator[None]:
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_module("isofed.simulations.conf", version_base="1.3"):
            yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(in_one_sentence(error)) from None
    finally:
        GlobalHydra.instance().clear()


def _plain(config: Any) -> Mapping[str, Any]:
    values: Any = OmegaConf.to_container(config, resolve=True)
    values.pop("hydra", None)
    return values


def _hydra(argv: list[str]) -> int:
    failed: list[str] = []

    @hydra.main(config_path="conf", config_name="simulate", version_base="1.3")
    def job(config: Any) -> None:
        running = HydraConfig.get()
        try:
            simulate(_plain(config), Path(running.runtime.output_dir), list(running.overrides.task))
        except IsofedError as error:
            failed.append(str(error))
            print(f"isofed: {error}", file=sys.stderr)
        except KeyboardInterrupt:
            folder = running.runtime.output_dir
            print(f"\nstopped; continue with: isofed simulate --resume {folder}", file=sys.stderr)
            raise SystemExit(130) from None

    sys.argv = ["isofed simulate", *argv]
    job()
    return 2 if failed else 0


def _resume(argv: list[str]) -> int:
    if len(argv) != 1:
        raise ConfigError(
            "--resume takes the folder of one run and nothing else: isofed simulate --resume RUN"
        )
    resume(Path(argv[0]))
    return 0
