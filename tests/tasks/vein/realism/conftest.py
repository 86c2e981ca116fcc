"""A tree as it is published, drawn once for all tests of this folder."""

from pathlib import Path

import pytest

from isofed.tasks.vein.drawing.writer import Drawing, write_fingers


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of two fingers, eight pictures each."""
    root = tmp_path_factory.mktemp("realism") / "tree"
    write_fingers(root, 5, Drawing(fingers=2, samples=8))
    return root
