"""The scripts of issue 6, whose means this issue's share."""

import importlib.util
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "issue_6"


def script(name: str) -> Any:
    """Return a script as a module, to be told what this task is.

    What it imports from ``command`` is this folder's, from which it is started.
    """
    spec = importlib.util.spec_from_file_location(f"issue_6_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
