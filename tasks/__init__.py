"""The tasks, one folder each. To add one: its folder, and a line here."""

from isofed.tasks.reid import TASK as reid
from isofed.tasks.task import Task

TASKS: dict[str, Task] = {
    "reid": reid,
}
