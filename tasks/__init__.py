"""The tasks, one folder each. To add one: its folder, and a line here."""

from isofed.tasks.action_units import TASK as ACTION_UNITS
from isofed.tasks.micro_gesture import TASK as MICRO_GESTURE
from isofed.tasks.reid import TASK as REID
from isofed.tasks.task import Task
from isofed.tasks.vein import TASK as VEIN

TASKS: dict[str, Task] = {
    "action_units": ACTION_UNITS,
    "micro_gesture": MICRO_GESTURE,
    "reid": REID,
    "vein": VEIN,
}
