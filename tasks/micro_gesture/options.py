"""Every number of the micro-gesture task, defaults for a small network on a CPU."""

from dataclasses import dataclass

from isofed.config import within
from isofed.suggest import pick
from isofed.tasks.micro_gesture.frames import MISSING, NORMALISATIONS, VIEWS
from isofed.tasks.micro_gesture.layouts.splits import FOLDS, SPLITS

RANGES: dict[str, tuple[float, float]] = {
    "classes": (2, 2),
    "fold": (0, FOLDS - 1),
    "labelled": (0, 1),
}
CHOICES = {
    "labels": ("true", "shuffled"),
    "split": tuple(SPLITS),
    "normalise": tuple(NORMALISATIONS),
    "missing": MISSING,
    "view": tuple(VIEWS),
}


@dataclass(frozen=True)
class MicroGestureOptions:
    """Numbers of data, model, loss and schedule; plain scalars only.

    Raises:
        ConfigError: a number outside its range, or a word that is no choice.
    """

    # --- data
    classes: int = 2  # the two emotions
    body: str = ""  # whose joints, "imigue" or "smg"; "": taken from the data
    labels: str = "true"  # "true", or "shuffled": a control in which nothing can be learnt
    labelled: float = 1.0  # share of the training videos whose emotion is known, 0 to 1
    split: str = "videos"  # who is tested: "videos" (official), "subjects" (of those the unseen), "folds"
    fold: int = 0  # of split=folds, the fifth of the subjects that is tested, 0 to 4
    normalise: str = "body"  # of places: "body" (neck, shoulders), "range" (-1 to 1), "raw" as released
    missing: str = "hold"  # joints that were not seen: "hold" their last place, or "zero" as released
    view: str = "joint"  # what a joint's numbers say: "joint" place, "bone" from its parent, "motion"

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            within(name, getattr(self, name), low, high)
        for name, choices in CHOICES.items():
            pick(name, getattr(self, name), dict.fromkeys(choices))
