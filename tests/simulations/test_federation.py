import math
from pathlib import Path
from typing import Any

import pytest

from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool

SMALL = {"classes": 8, "height": 32, "width": 16, "stem": 4, "stage2": 4, "stage3": 8, "dimensions": 8}


class Stopped(Exception):
    """Ends a run before its first round."""


def test_a_slow_machine_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def rounds(*args: Any) -> None:
        given.extend(args)
        raise Stopped

    monkeypatch.setattr(federations, "run_rounds", rounds)
    cfg = {
        **{"run": "run", "seed": 0, "rounds": 1, "evaluate_every": 0, "layout": "sysu"},
        "task": {"name": "reid", **SMALL},
        "protocol": {"name": "camera", "min_images": 2},
        "strategy": {"name": "fedavg"},
    }
    with pytest.raises(Stopped):
        run(Federation("federated", cfg, ("cam1",), tmp_path, tmp_path / "sites", tmp_path), Pool(1))
    assert given[-1].timeout == math.inf
