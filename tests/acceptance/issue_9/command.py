"""A simulation of micro-gestures that takes seconds, and the command as a person would start it."""

import os
import subprocess
import sys

DATA = (
    "data=micro_gesture_silos",
    "data.make.silos=2",
    "data.make.subjects=4",
    "data.make.videos=2",
    "data.make.clips=2",
)
NET = ("task.width=12", "task.batch=8")
TINY = ("task=micro_gesture", *NET, "tensorboard=false", "progress=false", "engine.workers=1")


def isofed(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one command and return what it said."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "isofed", *words], capture_output=True, text=True, env=environment
    )


def one_sentence(said: str) -> bool:
    """Tell whether a command complained in one line of its own."""
    return said.startswith("isofed: ") and "\n" not in said.strip() and "Traceback" not in said
