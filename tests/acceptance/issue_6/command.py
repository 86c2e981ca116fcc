"""A simulation of finger veins that takes seconds, and the command as a person would start it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_command import isofed as isofed
from task_command import one_sentence as one_sentence

DATA = (
    "data=vein_sensors",
    "data.make.sensors=usm_like+vera_like",
    "data.make.fingers=4",
    "data.make.samples=2",
)
NET = ("task.backbone=tiny", "task.dimensions=8", "task.height=16", "task.width=48", "task.batch=8")
TINY = ("task=vein", *NET, "tensorboard=false", "progress=false", "engine.workers=1")
