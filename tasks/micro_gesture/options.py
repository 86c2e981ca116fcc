"""Every number of the micro-gesture task, defaults for a small network on a CPU."""

from dataclasses import dataclass

from isofed.config import within
from isofed.errors import ConfigError
from isofed.suggest import pick
from isofed.tasks.micro_gesture.attention import PARTS, Kind
from isofed.tasks.micro_gesture.frames import MISSING, NORMALISATIONS, VIEWS
from isofed.tasks.micro_gesture.joints import BODIES
from isofed.tasks.micro_gesture.layouts.splits import FOLDS, SPLITS
from isofed.tasks.micro_gesture.losses import DISTANCES, OVER, WEIGHTINGS
from isofed.tasks.micro_gesture.model import DEPTHS
from isofed.tasks.micro_gesture.schedule import SHAPES
from isofed.tasks.micro_gesture.temporal import BRANCHES, UPSAMPLERS

MANY, LARGE = 1_000_000, 1e30  # no sane number is above; a bound keeps typing errors out
ABOVE_ZERO, BELOW_ONE = 1e-12, 0.999999
ATTENTIONS = {"hypergraph": False, "plain": True}

RANGES: dict[str, tuple[float, float]] = {
    "classes": (2, 2),
    "fold": (0, FOLDS - 1),
    "labelled": (0, 1),
    "turn": (0, 180),
    "zoom": (0, 0.9),
    "noise": (0, 1),
    "heads": (1, 64),
    "width": (12, 4096),
    "alpha": (0, 1),
    "emotion_weight": (0, LARGE),
    "rebuilt_weight": (0, LARGE),
    "balance": (0, 1),
    "batch": (2, MANY),
    "local_epochs": (1, MANY),
    "rate": (ABOVE_ZERO, LARGE),
    "momentum": (0, BELOW_ONE),
    "weight_decay": (0, LARGE),
    "warmup": (0, MANY),
}
CHOICES = {
    "body": ("", *BODIES),
    "labels": ("true", "shuffled"),
    "split": tuple(SPLITS),
    "normalise": tuple(NORMALISATIONS),
    "missing": MISSING,
    "view": tuple(VIEWS),
    "depth": tuple(DEPTHS),
    "attention": tuple(ATTENTIONS),
    "norm": ("batch", "group"),
    "edge_value": ("joint", "edge"),
    "up": ("", *UPSAMPLERS),
    "over": tuple(OVER),
    "distance": tuple(DISTANCES),
    "weighting": tuple(WEIGHTINGS),
    "optimiser": ("sgd", "adamw"),
    "schedule": tuple(SHAPES),
    "precision": ("float32", "bf16", "fp16"),
}


@dataclass(frozen=True)
class MicroGestureOptions:
    """Numbers of data, model, loss and schedule; plain scalars only.

    The released recipe, one round being an epoch, is ``task=micro_gesture_imigue``, and for the joints of
    SMG ``task=micro_gesture_smg``: 100 rounds of the whole network, with raw coordinates and a plain sum of
    both losses. The defaults differ from it in: a small network; coordinates measured from the neck in
    shoulder widths; reconstruction as a mean over frames; attention among joints that works from the first
    step (``alpha=1``); a rate for tens of epochs.

    Source: Xia et al., "Hybrid-supervised Hypergraph-enhanced Transformer for Micro-gesture Based Emotion
    Recognition", 2025, and its released code.

    Example:
        >>> MicroGestureOptions(depth="e6d2", heads=9, width=216).attends.plain
        False

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

    # --- augmentation, off as released
    turn: float = 0.0  # random turn of a clip, degrees to either side, 0 to 180: in the picture, or about y
    zoom: float = 0.0  # random change of size, share to either side, 0 to 0.9
    noise: float = 0.0  # standard deviation of noise on coordinates, in their unit, 0 to 1

    # --- model
    depth: str = "e2d2"  # blocks of encoder and decoder: "e2d2" (small), "e6d2" (iMiGUE), "e10d4" (SMG)
    heads: int = 2  # H, 1 to 64; 9 as released
    width: int = 24  # D, a multiple of 12 and of H; 216 as released
    attention: str = "hypergraph"  # among joints: "hypergraph", or "plain", a control without hyperedges
    edge_value: str = "joint"  # value that hyperedges hand on: of the "joint" as released, or of the "edge"
    up: str = "interpolate"  # of the decoder: "linear" as released, "interpolate", "conv"; "": no decoder
    alpha: float = 1.0  # where the weight of attention begins, 0 to 1; 0 as released
    norm: str = "batch"  # layers that normalise: "batch", or "group", of each clip alone (dp needs it)

    # --- loss
    emotion_weight: float = 1.0  # of the cross-entropy of clips whose emotion is known, >= 0
    rebuilt_weight: float = 1.0  # of the reconstruction of all clips, >= 0; 0: supervised alone
    weighting: str = "sum"  # "sum", or "convex": balance to the emotion, 1 - balance to the reconstruction
    balance: float = 0.5  # b of weighting=convex, 0 to 1
    over: str = "mean"  # the reconstruction's errors over frames: "sum" as released, or "mean"
    distance: str = "squares"  # between a frame and its reconstruction: "squares" as released, or "cosine"

    # --- optimiser and schedule
    batch: int = 16  # B: clips of a step, >= 2; a site with fewer takes all it has
    local_epochs: int = 1  # passes over a site's clips in a round, >= 1
    optimiser: str = "sgd"  # "sgd", or "adamw", which has no momentum to set
    rate: float = 0.05  # peak learning rate, > 0
    momentum: float = 0.9  # Nesterov momentum, kept at the client from round to round, 0 <= . < 1
    weight_decay: float = 0.0  # L2 weight decay of all trainable parameters, >= 0
    keep_momentum: bool = True  # False: a site's momentum begins every round at zero
    warmup: int = 2  # rounds over which the rate rises, round by round, >= 0; 5 as released
    schedule: str = "cosine"  # of the rate from there on: "constant" as released, or "cosine"
    precision: str = "float32"  # of forward and backward: "float32", or mixed with "bf16" or "fp16"

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            within(name, getattr(self, name), low, high)
        for name, choices in CHOICES.items():
            pick(name, getattr(self, name), dict.fromkeys(choices))
        if self.width % (2 * PARTS) or self.width % BRANCHES or self.width % self.heads:
            raise ConfigError(
                f"'width' is {self.width} and 'heads' {self.heads}; give a width that can be divided by "
                f"{2 * PARTS} and by the heads"
            )
        if not self.up and self.rebuilt_weight:
            raise ConfigError(
                "'up' is empty, so nothing is rebuilt, but 'rebuilt_weight' is not 0; write "
                "task.rebuilt_weight=0, or name an upsampler"
            )

    @property
    def attends(self) -> Kind:
        """What attention among joints looks at."""
        return Kind(ATTENTIONS[self.attention], self.edge_value)
