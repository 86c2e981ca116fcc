"""Run folders as a simulation leaves them, made without running one."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

MEASURES = ("R1", "mAP")
CONFIG = {
    "data": {"layout": "sysu", "root": None, "seed": 0, "make": {"identities": 16}},
    "task": {"name": "reid", "search": "all"},
    "protocol": {"name": "camera", "min_images": 2},
    "strategy": {"name": "dppt", "lam": 1.0},
    "engine": {"name": "local", "workers": 1},
    **{"seed": 0, "rounds": 2, "alone": True, "progress": False, "run": "abc", "overrides": []},
}
Made = Callable[..., Path]


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        inner = isinstance(value, Mapping) and key in found and "name" not in value
        found[key] = merged(found[key], value) if inner else value
    return found


def history(level: float, rounds: int) -> list[dict[str, Any]]:
    spread = dict.fromkeys(MEASURES, 0.01)
    entries: list[dict[str, Any]] = []
    for n in range(rounds + 1):
        mean = {"R1": level * n / rounds, "mAP": 0.8 * level * n / rounds}
        entries.append({"round": n, "metrics": {"mean": mean, "spread": spread}})
        if n:
            entries[-1] |= {"seconds": 1.5, "loss": {"cam1": 4.0 - n, "cam2": 5.0 - n}}
    return entries


@pytest.fixture
def make(tmp_path: Path) -> Made:
    """Return ``make(name, level, **changes)``: the folder of a finished run that reached ``level``."""

    def one(name: str, level: float = 0.5, summary: Any = None, **changes: Any) -> Path:
        folder, cfg = tmp_path / name, merged(CONFIG, changes)
        rounds = history(level, cfg["rounds"])
        mean = {"untrained": rounds[0]["metrics"]["mean"], "federated": rounds[-1]["metrics"]["mean"]}
        told = {
            **{"seed": cfg["seed"], "data_seed": cfg["data"]["seed"], "metrics": mean, "spread": {}},
            "seconds": {"rounds": [1.5] * cfg["rounds"], "total": 9.0},
            "bytes": {"cam1": {"up": 100, "down": 90}, "cam2": {"up": 10, "down": 9}},
            "evaluation": {"benchmark": "sysu", "model": "last round"},
        }
        folder.mkdir(parents=True)
        for file, value in (
            ("config", cfg),
            ("summary", told | (summary or {})),
            ("result", {"history": rounds}),
        ):
            (folder / f"{file}.json").write_text(json.dumps(value))
        (folder / "report.html").write_text("")
        return folder

    return one
