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
        rounds: of its federation, where the experiment's options do not say it for all.
        chosen: of the task's options, what differs from the usual.
        make: from the experiment's options to those of the data's generator.
    """

    task: str
    data: str
    hides: str
    unit: str
    measure: str
    rounds: int
    chosen: Values
    make: Callable[[Any], Values]

    @property
    def column(self) -> str:
        """The head of the task's column."""
        return f"{self.task}, {self.measure} ({self.unit})"


CASES: Mapping[str, Case] = {
    "reid": Case(
        "reid",
        "sysu",
        "subject",
        "identity",
        "mAP",
        32,
        {
            **{"objective": "identity", "height": 48, "width": 24, "padding": 2},
            **{"stem": 8, "stage2": 16, "stage3": 32, "dimensions": 48},
            **{"batch_identities": 4, "head_rate": 0.1, "backbone_rate": 0.05},
        },
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
        12,
        {
            **{"height": 32, "width": 96, "backbone": "tiny", "dimensions": 32},
            **{"batch": 8, "local_epochs": 4, "rate": 0.05, "margin_angle": 0.0},
        },
        lambda o: {"fingers": o.fingers, "samples": o.pictures},
    ),
    "micro_gesture": Case(
        "micro_gesture",
        "micro_gesture_silos",
        "example",
        "clip",
        "UAR",
        8,
        {
            **{"rebuilt_weight": 0.0, "up": "", "width": 12, "batch": 8},
            **{"attention": "plain", "local_epochs": 4},
        },
        lambda o: {"unlabelled": 0, "subjects": o.people, "videos": 3, "clips": max(1, o.clips // 3)},
    ),
    "action_units": Case(
        "action_units",
        "cd6me_to_samm",
        "example",
        "clip",
        "macro F1",
        8,
        {"width": 8, "workers": 1, "balance": "none", "batch": 8},
        lambda o: {"subjects": o.people, "clips": max(1, o.clips // 2), "frames": 8, "size": 80},
    ),
}
