#!/usr/bin/env python3
"""The README's two commands on a machine that has never seen this project, as far as that can be had here.

    python3 tests/acceptance/issue_2/clone.py

Clones the repository in which this file lies, as it was last committed, into a temporary folder and runs
./scripts/start and then ./scripts/test there, without this shell's virtual environment or any variable
that changes what they do; how pip reaches packages is kept, and so is its cache. Prints the seconds and
last lines of each and exits with 1 where one of them fails.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = ("./scripts/start", "./scripts/test")
KEPT = {"HOME", "USER", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
KEPT_ENDS = ("_PROXY", "_proxy")
LINES = 16


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a fresh shell would have of ``environment``, and what pip needs to reach an index."""
    kept = {name: value for name, value in environment.items() if _matters(name)}
    path = environment.get("PATH", os.defpath).split(os.pathsep)
    own = environment.get("VIRTUAL_ENV")
    return kept | {"PATH": os.pathsep.join(p for p in path if own is None or Path(p).parent != Path(own))}


def _matters(name: str) -> bool:
    return name in KEPT or name.startswith("PIP_") or name.endswith(KEPT_ENDS)


def git(folder: Path, *words: str) -> str:
    """Run git in ``folder`` and return what it printed."""
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def works(command: str, clone: Path) -> bool:
    """Run one command in the clone, print how it went, and return whether it succeeded."""
    print(f"\n{command} ...", flush=True)
    begun = time.monotonic()
    done = subprocess.run(
        [command],
        cwd=clone,
        env=clean(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    seconds = time.monotonic() - begun
    print("\n".join(f"  | {line}" for line in done.stdout.splitlines()[-LINES:]))
    print(f"{command}: {seconds:.0f} s, exit code {done.returncode}", flush=True)
    return done.returncode == 0


def check(source: Path) -> bool:
    """Clone ``source``, run the commands one after the other, and return whether all succeeded."""
    print(f"commit {git(source, 'log', '-1', '--format=%h %s')}")
    if git(source, "status", "--porcelain"):
        print("what is changed or new here and not committed is not in the clone")
    with tempfile.TemporaryDirectory(prefix="isofed-clone-") as name:
        clone = Path(name) / "isofed"
        git(source, "clone", "--quiet", str(source), str(clone))
        held = [works(command, clone) for command in COMMANDS]
    print("\naccepted" if all(held) else "\nNOT ACCEPTED")
    return all(held)


if __name__ == "__main__":
    sys.exit(0 if check(ROOT) else 1)
