"""The command as a person would start it, for the scripts of tasks."""

import os
import subprocess
import sys


def isofed(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one command and return what it said."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "isofed", *words], capture_output=True, text=True, env=environment
    )


def one_sentence(said: str) -> bool:
    """Tell whether a command complained in one line of its own."""
    return said.startswith("isofed: ") and "\n" not in said.strip() and "Traceback" not in said
