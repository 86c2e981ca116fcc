"""A tiny site: its data, its folder, and a run's configuration."""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import first_policy, write_policy
from isofed.client.site.settings import Settings, write_settings
from isofed.config import read
from isofed.tasks import TASKS
from tests.pace import LONG

SYSU = TASKS["reid"].layouts["sysu"]
MAKE = {"identities": 8, "test_identities": 4, "images": 4, "height": 32, "width": 16}
TASK = {
    **{"name": "reid", "classes": 8, "height": 32, "width": 16, "batch_identities": 2, "batch_images": 2},
    **{"stem": 4, "stage2": 4, "stage3": 8, "dimensions": 8},
}
CFG: Mapping[str, Any] = {
    **{"run": "tiny", "seed": 0, "rounds": 2, "evaluate_every": 0, "layout": "sysu", "task": TASK},
    **{"protocol": {"name": "camera", "min_images": 2, "centres": "level"}, "strategy": {"name": "dppt"}},
    **{"privacy": {"name": "none"}, "holdout": 0.0, "cohort": 0},
}


def whole_tree(out: Path) -> Path:
    """Draw a tiny SYSU-MM01."""
    SYSU.make(out, 0, read(SYSU.options, MAKE, ""), map, None)
    return out


def camera_tree(whole: Path, out: Path, camera: str = "cam1") -> Path:
    """Return a folder that holds what belongs to one camera and nothing else."""
    for name in (camera, "exp"):
        shutil.copytree(whole / name, out / name, copy_function=os.link)
    return out


def made_site(root: Path, data: Path, **settings: Any) -> SiteFolder:
    """Write a site's folder as init does."""
    folder = SiteFolder(root)
    chosen = Settings(**{"name": "cam1", "task": "reid", "layout": "sysu", "root": str(data), **settings})
    write_settings(folder.settings, chosen)
    write_policy(folder.policy, first_policy(chosen))
    folder.secret.parent.mkdir(parents=True, exist_ok=True)
    folder.secret.write_bytes(os.urandom(32))
    folder.secret.chmod(0o600)
    return folder


def cfg(**changes: Any) -> str:
    """Return a run's configuration as JSON."""
    return json.dumps({**CFG, **changes})


def until(there: Any, seconds: float = LONG) -> None:
    """Wait until something is so; the test fails if it never is."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
