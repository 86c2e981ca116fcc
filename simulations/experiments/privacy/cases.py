"""What is trained on each task, and whom it hides: one small federation a task, fit for DP-SGD."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One task of the experiment.

    Args:
        task, data: as in the configuration.
        hides: ``example`` or ``subject``.
        unit: the word for it, as in the task.
        measure: of the task, a fraction, a greater one the better.
        chosen: of the task's options, what differs from the usual.
        make: from the experiment's options to those of the data's generator.
    """

    task: str
    data: str
    hides: str
    unit: str
    measure: str
    chosen: Values
    make: Callable[[Any], Values]

    @property
    def column(self) -> str:
        """The head of the task's column."""
        return f"{self.task}, {self.measure} (of each {self.unit})"


CASES: Mapping[str, Case] = {
    "reid": Case(
        "reid",
        "sysu",
        "subject",
        "identity",
        "mAP",
        {"objective": "identity", "height": 48, "width": 24},
        lambda o: {
            "identities": o.identities,
            "test_identities": max(4, o.identities // 3),
            "images": o.images,
            "height": 48,
            "width": 24,
        },
    ),
    "vein": Case(
        "vein",
        "vein_sensors",
        "example",
        "image",
        "TAR@1e-2",
        {"height": 32, "width": 96, "batch": 16},
        lambda o: {"fingers": o.fingers, "samples": o.pictures},
    ),
    "micro_gesture": Case(
        "micro_gesture",
        "micro_gesture_silos",
        "example",
        "clip",
        "clip accuracy",
        {"rebuilt_weight": 0.0, "up": "", "width": 12, "batch": 8},
        lambda o: {"unlabelled": 0, "subjects": o.people, "videos": 3, "clips": max(1, o.clips // 3)},
    ),
    "action_units": Case(
        "action_units",
        "cd6me_to_samm",
        "example",
        "clip",
        "macro F1",
        {"width": 8, "workers": 1, "balance": "none", "batch": 8},
        lambda o: {"subjects": o.people, "clips": max(1, o.clips // 2), "frames": 8, "size": 80},
    ),
}
