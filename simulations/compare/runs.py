"""Finds finished runs in folders and reads of each what a comparison needs."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.errors import CheckpointError, ConfigError
from isofed.simulations.compare.settings import flat
from isofed.simulations.folder import CONFIG, again, finished, load_config

RESULT, HYDRA = "result.json", ".hydra"
DEEPEST = 3  # folders between what was named and a run


@dataclass(frozen=True)
class Run:
    """One finished run.

    Args:
        folder: where it lies.
        values: its configuration, flat: ``{"strategy.lam": 1.0, "seed": 0, ...}``.
        summary: the object of its summary.json.
        history: one object a round; round 0 is the untrained model.
    """

    folder: Path
    values: Mapping[str, Any]
    summary: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]

    @property
    def seeds(self) -> tuple[Any, Any, Any]:
        """What tells repetitions apart: the seed, that of synthetic data, and the split."""
        return self.values.get("seed"), self.summary.get("data_seed"), self.values.get("task.split")


@dataclass(frozen=True)
class Left:
    """A run that is left out, and why."""

    folder: Path
    why: str


def find(folders: Iterable[Path]) -> list[Path]:
    """Return the run folders among ``folders`` and below them, each once, 2 before 10.

    Raises:
        ConfigError: a folder is missing, or there is no run in it.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"'{folder}' is no folder; give the folders of runs, or of a --multirun")
        below = list(_below(folder, DEEPEST))
        if not below:
            raise ConfigError(f"'{folder}' holds no run; give the folders of runs, or of a --multirun")
        found.update(dict.fromkeys(path.resolve() for path in below))
    return list(found)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    # one that was refused at its start has no configuration, only Hydra's notes
    if (folder / CONFIG).exists() or (folder / HYDRA).is_dir():
        yield folder
    elif depth:
        inner = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
        for path in sorted(inner, key=_natural):
            yield from _below(path, depth - 1)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(word or 0), text) for text, word in re.findall(r"(\D*)(\d*)", path.name)]


def read(folder: Path) -> Run | Left:
    """Read a finished run, or say why it is left out."""
    try:
        cfg, _ = load_config(folder)
    except CheckpointError:
        return Left(folder, "never began" if not (folder / CONFIG).exists() else f"its {CONFIG} is damaged")
    summary = finished(folder)
    if not isinstance(summary, dict):
        return Left(folder, f"unfinished; continue it with: {again(folder, cfg)}")
    try:
        history = json.loads((folder / RESULT).read_text())["history"]
    except (OSError, ValueError, KeyError, TypeError):
        return Left(folder, f"its {RESULT} is missing or damaged")
    return Run(folder, flat(cfg), summary, tuple(entry for entry in history if isinstance(entry, Mapping)))
