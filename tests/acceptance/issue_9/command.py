"""A simulation of micro-gestures that takes seconds, and the command as a person would start it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_command import isofed as isofed
from task_command import one_sentence as one_sentence

DATA = (
    "data=micro_gesture_silos",
    "data.make.silos=2",
    "data.make.subjects=4",
    "data.make.videos=2",
    "data.make.clips=2",
)
NET = ("task.width=12", "task.batch=8")
TINY = ("task=micro_gesture", *NET, "tensorboard=false", "progress=false", "engine.workers=1")
