"""Every number of the finger vein task's learning side, defaults for a small network on a CPU."""

import math
from dataclasses import dataclass

from isofed.config import within
from isofed.errors import ConfigError
from isofed.suggest import pick
from isofed.tasks.vein.benchmarks.rules import RULES
from isofed.tasks.vein.losses import Margin
from isofed.tasks.vein.model import BACKBONES
from isofed.tasks.vein.schedule import SHAPES

MANY, LARGE = 1_000_000, 1e30  # no sane number is above; a bound keeps typing errors out
ABOVE_ZERO, BELOW_ONE = 1e-12, 0.999999

RANGES: dict[str, tuple[float, float]] = {
    "classes": (0, MANY),
    "share": (ABOVE_ZERO, 1),
    "images": (0, MANY),
    "height": (16, 1024),
    "width": (16, 1024),
    "turn": (0, 45),
    "shift": (0, 0.5),
    "zoom": (0, 0.5),
    "light": (0, 1),
    "contrast": (0, 1),
    "noise": (0, 1),
    "dimensions": (0, 65536),
    "margin_factor": (1, 4),
    "margin_angle": (0, math.pi / 2),
    "margin_cosine": (0, 1),
    "scale": (ABOVE_ZERO, MANY),
    "triplet": (0, MANY),
    "triplet_margin": (0, 2),
    "batch": (2, MANY),
    "per_finger": (0, MANY),
    "local_epochs": (1, MANY),
    "rate": (ABOVE_ZERO, LARGE),
    "momentum": (0, BELOW_ONE),
    "weight_decay": (0, LARGE),
    "warmup": (0, BELOW_ONE),
    "frozen": (0, MANY),
}
CHOICES = {
    "labels": ("true", "shuffled"),
    "rule": tuple(RULES),
    "backbone": tuple(BACKBONES),
    "norm": ("batch", "group"),
    "precision": ("float32", "bf16", "fp16"),
    "optimiser": ("sgd", "adamw"),
    "schedule": tuple(SHAPES),
}


@dataclass(frozen=True)
class VeinOptions:
    """Numbers of data, augmentation, model, loss and schedule; plain scalars only.

    The recipe that the generator's authors released for pretraining is, one round being an epoch::

        single=true backbone=mobilefacenet_large height=100 width=300 batch=16 margin_angle=0.7 scale=64
        rate=0.01 momentum=0.9 weight_decay=0.0005 warmup=0

    and with ``convnext_small`` ``height=224 width=224 optimiser=adamw rate=0.001 weight_decay=0.1``. The
    nearest published recipe for few fingers and strangers (FusionAug), its network aside::

        flips=true margin_angle=0 margin_cosine=0.2 scale=20 triplet=4 per_finger=4 batch=32
        rate=0.01 schedule=step warmup=0

    To fine-tune what was pretrained (``weights=FILE``) on little data, with a head of its own at each site::

        share=0.1 images=4 frozen=2 rate=0.001

    The defaults differ from it in: a small network and small pictures, margin and scale for few fingers at a
    site, and a rate for tens of epochs, not hundreds. With scale 32 the small network's loss hardly moves in
    the first epochs at this rate.

    Source: Wang et al., "FingerVeinSyn-5M", 2025; Deng et al., "ArcFace", CVPR 2019; Ou et al., "Fusion loss
    and inter-class data augmentation for deep finger vein feature learning", 2021.

    Example:
        >>> VeinOptions(backbone="tiny").batch
        32

    Raises:
        ConfigError: a number outside its range, or a word that is no choice.
    """

    # --- data
    classes: int = 0  # C: rows of the head; 0: taken from the data, and by every site from its own
    labels: str = "true"  # "true", or "shuffled": a control in which nothing can be learnt
    rule: str = "open_set"  # who is tested: "open_set", "sessions" (1 against 2), "tenth", "nom" (UTFVP's)
    part: str = ""  # kind of a database's pictures, such as "raw" or "roi"; "": the first that is there
    share: float = 1.0  # of the fingers to train on that are used, > 0 to 1, ten at least
    images: int = 0  # of each of these fingers that are used, >= 1; 0: all
    single: bool = False  # of drawn fingers those pictures alone in which one thing varies, 001 to 050
    flips: bool = False  # also train on every picture upside down, as another finger's

    # --- pictures
    height: int = 48  # rows of what the network is fed, pixels, >= 16
    width: int = 144  # its columns, along the finger, >= 16
    turn: float = 4.0  # random turn, degrees to either side, 0 to 45
    shift: float = 0.06  # random shift, share of height and width to either side, 0 to 0.5
    zoom: float = 0.06  # random change of size, share to either side, 0 to 0.5
    light: float = 0.15  # random change of brightness, share of the full scale to either side, 0 to 1
    contrast: float = 0.3  # random change of contrast, share to either side, 0 to 1
    noise: float = 0.03  # standard deviation of random noise, share of the full scale, 0 to 1

    # --- model
    backbone: str = "small"  # one of BACKBONES in tasks/vein/model.py
    dimensions: int = 0  # D: length of the embedding, >= 1; 0: the backbone's published one
    norm: str = "batch"  # layers that normalise: "batch", or "group", of each picture alone (dp needs it)

    # --- loss
    margin_factor: float = 1.0  # m1, factor on the angle, >= 1
    margin_angle: float = 0.5  # m2, added to the angle, radians, 0 to pi / 2; 0.7 for thousands of fingers
    margin_cosine: float = 0.0  # m3, taken from the cosine, 0 to 1
    scale: float = 16.0  # s, > 0; 64 for thousands of fingers
    triplet: float = 0.0  # weight of the batch's hardest triplets beside it, >= 0; 0: none
    triplet_margin: float = 0.2  # of these, on the distance of unit vectors, 0 to 2

    # --- optimiser and schedule
    batch: int = 32  # B: pictures of a step, >= 2; a site with fewer takes all it has
    per_finger: int = 0  # K: pictures of a finger in a step, which shows B / K fingers; 0: as they come
    local_epochs: int = 1  # passes over a site's pictures in a round, >= 1
    optimiser: str = "sgd"  # "sgd", or "adamw", which has no momentum to set
    rate: float = 0.1  # peak learning rate, > 0
    momentum: float = 0.9  # Nesterov momentum, kept at the client from round to round, 0 <= . < 1
    weight_decay: float = 5e-4  # L2 weight decay of all trainable parameters, >= 0
    keep_momentum: bool = True  # False: a site's momentum begins every round at zero
    warmup: float = 0.1  # share of all rounds over which the rate rises, 0 <= . < 1
    schedule: str = "cosine"  # of the rate from there on: "cosine", "step" (a tenth at 60 %), "constant"
    frozen: int = 0  # rounds at the beginning in which the backbone's first stage is not trained, >= 0
    precision: str = "float32"  # of forward and backward: "float32", or mixed with "bf16" or "fp16"

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            within(name, getattr(self, name), low, high)
        for name, choices in CHOICES.items():
            pick(name, getattr(self, name), dict.fromkeys(choices))
        if self.per_finger == 1 or (self.per_finger and self.batch % self.per_finger):
            raise ConfigError(
                f"'per_finger' is {self.per_finger} and 'batch' {self.batch}; give 0, or two or more, "
                "by which the batch can be divided"
            )
        if self.height > self.width:
            raise ConfigError(
                f"'height' is {self.height} and 'width' {self.width}, but fingers lie along the width; give "
                "a height that is no larger"
            )

    @property
    def margin(self) -> Margin:
        """The loss's numbers."""
        return Margin(self.margin_factor, self.margin_angle, self.margin_cosine, self.scale)
