"""Small drawn trees of each layout, made once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isofed.tasks.micro_gesture.drawing.plan import Small
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS

SMALL = {"subjects": 4, "videos": 2, "clips": 3}
MADE: dict[str, Any] = {
    **{name: Small(**SMALL) for name in LAYOUTS if name != "micro_gesture_silos"},  # type: ignore[arg-type]
    "micro_gesture_silos": LAYOUTS["micro_gesture_silos"].options(silos=2, format="imigue_miga", **SMALL),
}


@pytest.fixture(scope="session")
def gesture_trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tree of each layout, drawn from seed 3."""
    home = tmp_path_factory.mktemp("gestures")
    for name, layout in LAYOUTS.items():
        layout.make(home / name, 3, MADE[name], map, None)
    return {name: home / name for name in LAYOUTS}


def options(**changes: Any) -> Any:
    """What the data side reads of the task's options."""
    usual = {"body": "", "labels": "true", "labelled": 1.0, "split": "videos", "fold": 0}
    return SimpleNamespace(**{**usual, "normalise": "body", "missing": "hold", "view": "joint", **changes})


@pytest.fixture
def gesture_options() -> Any:
    """Make options from changes."""
    return options
