"""The ``engine`` group: which engine, how many processes and threads, on which device."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from isofed.config import read, within
from isofed.errors import CompositionError, ConfigError

ENGINES = {
    "local": "one machine: this process, or a few workers; no Ray, no sockets",
    "ray": "one machine: Flower's own simulation on Ray, with the same weights; needs isofed[simulation]",
}
AUTO = "auto"


@dataclass(frozen=True)
class Engine:
    """The ``engine`` group: worker processes, torch threads for each client, where clients compute, and how
    many of them one process trains at once."""

    workers: int
    threads_per_client: int = 1
    device: str = "cpu"
    together: int = 0


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
