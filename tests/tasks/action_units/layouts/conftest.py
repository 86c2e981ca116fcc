"""A small drawn copy of the six databases, made once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isofed.tasks.action_units.drawing.plan import Small
from isofed.tasks.action_units.layouts.layout import LAYOUTS

SMALL = Small(subjects=2, clips=2, size=64, frames=5, still=0.0)


@pytest.fixture(scope="session")
def au_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, drawn from seed 3."""
    root = tmp_path_factory.mktemp("action_units") / "tree"
    LAYOUTS["cd6me_to_samm"].make(root, 3, SMALL, map, None)
    return root


@pytest.fixture
def au_small() -> Small:
    """How much is drawn of it."""
    return SMALL


def options(**changes: Any) -> Any:
    """What the data side reads of the task's options."""
    usual = {"size": 64, "margin": 0.0, "flow": "farneback", "strain": "textbook", "scaling": "image"}
    usual |= {"near": "drawn", "amplification": 10.0, "magnifier": "", "workers": 1, "labels": "true"}
    return SimpleNamespace(**(usual | changes))


@pytest.fixture
def au_options() -> Any:
    """Make options from changes."""
    return options
