"""A small run as its report sees it."""

import json
from typing import Any

import numpy as np
import pytest

from isofed.seeds import public
from isofed.simulations.report import Gallery, GalleryRow, Hit

CAMERAS = tuple(f"cam{n}" for n in range(1, 7))
MEASURES = ("R1", "R5", "R10", "R20", "mAP", "mINP")


def measures(level: float) -> dict[str, float]:
    return {name: round(level * (1 + n / 20), 4) for n, name in enumerate(MEASURES)}


def draws(level: float) -> dict[str, list[float]]:
    return {name: [value + 0.003 * (k - 4.5) for k in range(10)] for name, value in measures(level).items()}


def contract_parts() -> dict[str, Any]:
    leaves = ["model state: every parameter and running statistic", "identity centres"]
    channel = {"bytes": 9_800_000, "kind": "value", "messages": 20}
    centres = {"bytes": 70_000, "kind": "table", "rows_sent": 612, "rows_withheld": 14, "messages": 20}
    scalars = ["examples", "steps"]
    return {
        "contract": {
            "level": "camera",
            "client": "one camera",
            "leaves": leaves,
            "never": ["images", "labels"],
            "min_images": 2,
        },
        "left": {camera: {"model": channel, "centres": centres, "scalars": scalars} for camera in CAMERAS},
    }


def controls_part() -> dict[str, Any]:
    pooled = {"name": "pooled", "what": "one trainer holds all", "seeds": 3}
    row = pooled | {"mAP": {"mean": 0.512, "spread": 0.011}, "R1": {"mean": 0.571, "spread": 0.014}}
    pair = {"name": "without bank", "difference_mAP": {"mean": -0.031, "spread": 0.006, "seeds": 3}}
    return {"rows": [row], "pairs": [pair]}


def result_parts() -> dict[str, Any]:
    alone = {camera: measures(0.1 + 0.02 * n) for n, camera in enumerate(CAMERAS)}
    spread = {name: 0.012 for name in MEASURES}
    each = {camera: draws(0.1 + 0.02 * n) for n, camera in enumerate(CAMERAS)}
    return {
        "metrics": {"untrained": measures(0.0512), "alone": alone, "federated": measures(0.3461)},
        "draws": {"untrained": draws(0.0512), "alone": each, "federated": draws(0.3461)},
        "spread": {"untrained": spread, "alone": dict.fromkeys(CAMERAS, spread), "federated": spread},
    }


@pytest.fixture
def summary() -> dict[str, Any]:
    site = {"modality": "visible", "place": "gate", "identities": 32, "images": 256, "steps": 180}
    whole = {
        **{"task": "reid", "protocol": "camera", "strategy": "dppt", "engine": "local", "seed": 0},
        **{"rounds": 20, "simulated_secrets": True, "version": "0.1.0", **result_parts()},
        "seconds": {"setup": 3.42, "first_reply": 4.9, "rounds": [2.0, 1.9], "total": 147.3},
        "peak_rss_bytes": 1_284_000_000,
        "bytes": {camera: {"down": 196_400_000, "up": 198_100_000} for camera in CAMERAS},
        "weights_sha256": "9f2c" * 16,
        "sites": {camera: site | {"weight": 0.1667} for camera in CAMERAS},
        **contract_parts(),
        "evaluation": {"benchmark": "sysu", "search": "all", "shots": 1, "model": "last round"},
        "controls": controls_part(),
        "config": {"overrides": ["task=reid", "data.folder=my data"], "strategy": {"mu": 0.0125}},
    }
    # what a report is given has been through summary.json
    return dict(json.loads(json.dumps(whole)))


@pytest.fixture
def history() -> dict[str, Any]:
    rounds = [
        {
            "round": n,
            "seconds": 1.9,
            "loss": {camera: 4.0 - 0.1 * n + 0.05 * k for k, camera in enumerate(CAMERAS)},
            "metrics": measures(0.02 * n) if n % 2 == 0 else None,
        }
        for n in range(1, 13)
    ]
    return {"rounds": rounds}


@pytest.fixture
def gallery() -> Gallery:
    draw = public(0, 0, "", "report gallery")

    def image() -> Any:
        return draw.integers(0, 256, (48, 24, 3), dtype=np.uint8)

    rows = [
        GalleryRow(image(), f"cam3, identity {q}", tuple(Hit(image(), k < q, f"cam{k}") for k in range(10)))
        for q in (3, 8)
    ]
    return Gallery(tuple(rows))


@pytest.fixture
def scored() -> dict[str, Any]:
    """Return how comparisons fell out at three test sets, one of them with a name that could be markup."""
    curve = {"far": (0.001, 0.01, 0.05, 0.2, 0.5), "frr": (0.5, 0.3, 0.2, 0.1, 0.0), "threshold": 0.2}
    heaps = {"edges": (-1.0, 0.0, 1.0), "genuine": (1, 9), "impostor": (80, 20)}
    values = {"EER": 0.123, "d'": 1.5}
    return {
        "curves": {name: {**curve, **heaps} for name in ("left <1>", "unseen-right", "third")},
        "columns": [["EER", True], ["TAR@1e-2", True], ["d'", False]],
        "rows": {"left <1>": {"untrained": values, "alone": values, "federated": values}},
    }
