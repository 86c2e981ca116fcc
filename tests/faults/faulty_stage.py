"""What the runs with faults train: the contract tests' small problem, at four sites and an evaluator."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))

import arena
from faulty_cases import EVALUATOR, ROUNDS, SITES

from isofed.seeds import SECRET_BYTES, Secrets, public
from isofed.simulations.federation import Federation
from isofed.tasks import TASKS

SIZES = (5, 7, 8, 9)
SECRET = bytes(range(SECRET_BYTES))
STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "quantised": {"name": "fedavg"},
    "fedadam": {"name": "fedadam"},
}
PRIVACY = {"quantised": {"name": "quantise", "norm": 0.5, "bits": 6}}


def problem() -> arena.Problem:
    """Return who holds what."""
    rng = public(0, 0, "", "points of the runs with faults")
    data = {
        site: (rng.normal(n, 1.0, (size, arena.INPUTS)), rng.integers(0, arena.CLASSES, size))
        for n, (site, size) in enumerate(zip(SITES, SIZES, strict=True))
    }
    return arena.Problem(data, ROUNDS, arena.ArenaOptions(norm=True))


def judged(model: Any, test: Any, options: Any) -> dict[str, float]:
    """Measure a model on the evaluator's points."""
    points = torch.linspace(-1, 1, 6 * arena.INPUTS, dtype=torch.float64).reshape(6, arena.INPUTS)
    with torch.inference_mode():
        return {"n": 6.0, "score": float(model(points).logits[:, 0].sum())}


@contextmanager
def known() -> Iterator[None]:
    """Put the task into the table that a configuration's names are looked up in."""
    mean = lambda sums: {"mean": {"score": sums["score"] / sums["n"]}, "spread": {"score": 0.0}}  # noqa: E731
    task = replace(arena._task(problem()), evaluate=judged, result=mean)
    with patch.dict(TASKS, {"arena": task}):
        yield


def cfg_of(way: str) -> dict[str, Any]:
    """Return the configuration of a run."""
    cfg = arena._cfg(STRATEGIES.get(way, {"name": way}), problem(), "camera")
    return {**cfg, "evaluate_every": 2} | ({"privacy": PRIVACY[way]} if way in PRIVACY else {})


@dataclass(frozen=True)
class Stage:
    """Where a run's files lie.

    Args:
        way: what is trained.
        folder: of the server, and of the sites' memories.
        homes: of what the sites have whatever the run.
    """

    way: str
    folder: Path
    homes: Path

    @property
    def federation(self) -> Federation:
        """The run, as the server sees it."""
        return Federation("federated", cfg_of(self.way), SITES, self.homes, self.homes, self.folder)

    @property
    def cfg(self) -> str:
        """What travels to the sites."""
        return json.dumps(cfg_of(self.way))

    def memory(self, site: str) -> Path:
        """Return the folder of what a site remembers."""
        return self.federation.memory(site)

    def node_config(self, site: str) -> dict[str, str | int]:
        """Return what a real site knows of itself: nothing is simulated."""
        role = "evaluator" if site == EVALUATOR else "trainer"
        paths = {"root": self.homes, "home": self.homes / site, "memory": self.memory(site)}
        known = {key: str(path) for key, path in paths.items()}
        return {"site": site, "role": role, "level": "camera", "min_images": 1, **known}


def secrets() -> Secrets:
    """Return the server's, the same in every run."""
    return Secrets(SECRET)


def make_homes(homes: Path) -> None:
    """Give every site its secret, the same in every run."""
    for number, site in enumerate((*SITES, EVALUATOR)):
        (homes / site).mkdir(parents=True, exist_ok=True)
        (homes / site / "secret").write_bytes(bytes([number]) + SECRET[1:])


def bits(tree: Any) -> dict[str, bytes]:
    """Return the bytes of a tree's, or an array's, entries."""
    if isinstance(tree, np.ndarray):
        return {"": tree.tobytes()}
    return {name: np.asarray(array).tobytes() for name, array in tree.items()}
