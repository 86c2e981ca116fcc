"""A simulation of action units that takes seconds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_command import isofed as isofed
from task_command import one_sentence as one_sentence

MAKE = ("data.make.subjects=2", "data.make.clips=3", "data.make.size=48", "data.make.frames=4")
DATA = ("data=cd6me_to_casme2", *MAKE)
NET = ("task.size=32", "task.width=4", "task.batch=4", "task.workers=1")
TINY = ("task=action_units", *NET, "tensorboard=false", "progress=false", "engine.workers=1")
