"""The ``engine`` group: which engine, how many processes and threads, on which device."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from isofed.config import read, within
from isofed.errors import CompositionError, ConfigError

ENGINES = {
    "local": "one machine: this process, or a few workers; no Ray, no sockets",
    "ray": "one machine: Flower's own simulation on Ray, with the same weights; needs isofed[simulation]",
    "deployed": "many machines: approved sites with their own data, through Flower's SuperLink; isofed run",
}
AUTO, DEPLOYED = "auto", "deployed"


@dataclass(frozen=True)
class Engine:
    """The ``engine`` group: worker processes, torch threads for each client, where clients compute, how many
    of them one process trains at once, and whether their steps are taken by their operations."""

    workers: int
    threads_per_client: int = 1
    device: str = "cpu"
    together: int = 0
    traced: bool = False


@dataclass(frozen=True)
class Deployment:
    """The ``engine`` group of a deployed run: whose sites, and how a round waits for them.

    Args:
        hub: the server's folder, of ``isofed server init``.
        sites: names with commas between, of those that take part; empty for all that fit.
        minimum: usable reports that make a round; 0 for all that are asked.
        deadline: seconds after which a round ends without those that have not answered, 1 to 604,800.
        attempts: how often a round with too few is tried, 1 to 1000.
        absent: seconds of silence after which a site is not waited for, where the minimum is met without it,
            nor one that measures, but behind the last round; 15 to 604,800.
    """

    hub: str
    sites: str = ""
    minimum: int = 0
    deadline: float = 600.0
    attempts: int = 3
    absent: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what makes no rule."""
        within("minimum", self.minimum, 0, 1e6)
        within("deadline", self.deadline, 1, 604800)
        within("attempts", self.attempts, 1, 1000)
        within("absent", self.absent, 15, 604800)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def undecided(given: Mapping[str, Any], engine: Engine) -> dict[str, str]:
    """Return what of the group says ``auto`` and only a measurement can choose, see choice.py.

    Args:
        given: the group as it was written.
        engine: as it was read.
    """
    if given.get("name") == "ray" or engine.device != "cpu" or engine.together:
        return {}
    processes = given.get("workers") == AUTO
    spare = cores() // (1 if processes else engine.workers)
    threads = given.get("threads_per_client") == AUTO and spare > 1
    left = {"workers": processes and engine.workers > 1, "threads_per_client": threads}
    return {key: AUTO for key, choice in left.items() if choice}


def read_group(given: Mapping[str, Any]) -> tuple[Engine, dict[str, Any]]:
    """Read the ``engine`` group; return what this machine runs, and the group as it is saved.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    if given["name"] == DEPLOYED:
        # what the server learns itself, as in distillation, it learns on the CPU
        return Engine(1), {"name": DEPLOYED, **asdict(read_deployment(given))}
    engine = read_engine(dict(given))
    return engine, {**given, **asdict(engine), **undecided(given, engine)}


def read_deployment(given: Mapping[str, Any]) -> Deployment:
    """Read the ``engine`` group of a deployed run.

    Raises:
        ConfigError: one sentence.
    """
    if given.get("hub") is None:
        raise ConfigError("engine=deployed needs the server's folder; write isofed run hub=DIR")
    deployment = read(Deployment, {k: v for k, v in given.items() if k != "name"}, "engine")
    return replace(deployment, hub=str(Path(deployment.hub).expanduser().absolute()))


def read_engine(values: dict[str, Any]) -> Engine:
    """Read the ``engine`` group; ``auto`` becomes one thread, and as many processes as cores have room for.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    ray = values.pop("name", None) == "ray"
    if ray and find_spec("ray") is None:
        raise ConfigError("engine 'ray' needs Ray, which is not installed; pip install 'isofed[simulation]'")
    if ray and values.get("together"):
        raise CompositionError(
            "Ray's actors train one site after another; leave engine.together out, or write engine=local"
        )
    values["device"] = _device(str(values.get("device", AUTO)))
    if values.get("threads_per_client") == AUTO:
        values["threads_per_client"] = 1
    if values.get("workers") == AUTO:
        values["workers"] = max(1, cores() // _whole(values, "threads_per_client", 1))
    _whole(values, "workers")
    engine = read(Engine, values, "engine")
    within("engine.workers", engine.workers, 1, 256)
    within("engine.threads_per_client", engine.threads_per_client, 1, 256)
    within("engine.together", engine.together, 0, 4096)
    return engine


def _whole(values: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = values.get(key, default)
    if not isinstance(value, int):
        raise ConfigError(f"'engine.{key}' is {value!r}, but must be a whole number or auto")
    return max(value, 1)  # what is too small is said by its range


def _device(wanted: str) -> str:
    """Return the device that ``auto`` stands for on this machine; another name as it is, if it is there."""
    import torch

    there = torch.cuda.device_count()
    if wanted == AUTO:
        return "cuda:0" if there else "cpu"
    if (wanted != "cpu" and wanted not in ("cuda", *(f"cuda:{number}" for number in range(there)))) or (
        wanted == "cuda" and not there
    ):
        raise ConfigError(
            f"'engine.device' is '{wanted}', but this machine has {there} CUDA devices; "
            "write cpu, cuda:0 and so on, or auto"
        )
    return "cuda:0" if wanted == "cuda" else wanted
