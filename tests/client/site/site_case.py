"""A tiny site, and real processes of Flower around it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import first_policy, write_policy
from isofed.client.site.settings import Settings, write_settings
from isofed.config import read
from isofed.tasks import TASKS

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
HERE = Path(sys.executable).parent


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


@contextmanager
def started(log: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process until the block ends; what it says is in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "FLWR_HOME": str(log.with_suffix(".home")), **environment}
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def superlink(folder: Path, port: int, secret: Path) -> Iterator[None]:
    """Run Flower's SuperLink on loopback, without TLS."""
    command = [str(HERE / "flower-superlink"), "--insecure", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--isolation", "process", "--database", str(folder / "state.db")]
    command += ["--disable-runtime-dependency-installation", "--superexec-auth-secret-file", str(secret)]
    with started(folder / "superlink.log", *command) as process:
        until(lambda: healthy(port), process)
        yield


@contextmanager
def supernode(folder: Path, superlink: int, port: int, secret: Path) -> Iterator[None]:
    """Run Flower's SuperNode on loopback, without TLS."""
    command = [str(HERE / "flower-supernode"), "--insecure", "--superlink", f"127.0.0.1:{superlink}"]
    command += ["--isolation", "process", "--port", str(port), "--superexec-auth-secret-file", str(secret)]
    with started(folder / "supernode.log", *command):
        yield


def healthy(port: int) -> bool:
    """Return whether a SuperLink answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.HTTPError:
        return False


def until(there: Any, process: subprocess.Popen[bytes] | None = None, seconds: float = 30.0) -> None:
    """Wait until something is so; the tests fail if it never is, or if the process that it needs ends."""
    end = time.monotonic() + seconds
    while not there():
        assert process is None or process.poll() is None, "the process has ended"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
