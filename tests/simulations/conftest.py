"""A small synthetic tree, drawn once for each module that asks for it."""

import shutil
from pathlib import Path

import pytest

from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small whole tree, not to be changed."""
    root = tmp_path_factory.mktemp("drawn") / "tree"
    generate(root, 0, SyntheticSysu(16, 4, 4, 0.5, 32, 16))
    return root


@pytest.fixture
def tree(drawn: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be changed or damaged."""
    return Path(shutil.copytree(drawn, tmp_path / "tree"))
