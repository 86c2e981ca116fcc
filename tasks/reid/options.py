"""Every number of the re-identification task's learning side, defaults for the small CPU configuration."""

from dataclasses import dataclass

from isofed.config import within
from isofed.errors import ConfigError
from isofed.suggest import pick

MANY, LARGE = 1_000_000, 1e30  # no sane number is above; a bound keeps typing errors out
ABOVE_ZERO, BELOW_ONE = 1e-12, 0.999999
RESNET50_DIMENSIONS = 2048

RANGES: dict[str, tuple[float, float]] = {
    "classes": (0, MANY),
    "split": (1, 10),
    "height": (16, 4096),
    "width": (16, 4096),
    "padding": (0, 1024),
    "flip": (0, 1),
    "channel_augmentation": (0, 1),
    "erasing": (0, 1),
    "stems": (1, 2),
    "stem": (1, 65536),
    "stage2": (1, 65536),
    "stage3": (1, 65536),
    "dimensions": (1, 65536),
    "circle_weight": (0, LARGE),
    "circle_margin": (0, 1),
    "circle_scale": (ABOVE_ZERO, LARGE),
    "circle_divisor": (ABOVE_ZERO, LARGE),
    "batch_identities": (2, MANY),
    "batch_images": (1, MANY),
    "head_rate": (ABOVE_ZERO, LARGE),
    "backbone_rate": (ABOVE_ZERO, LARGE),
    "momentum": (0, BELOW_ONE),
    "weight_decay": (0, LARGE),
    "warmup": (0, BELOW_ONE),
    "peak_round": (0, MANY),
    "local_epochs": (1, MANY),
    "shots": (1, 10),
}
CHOICES = {
    "labels": ("true", "shuffled"),
    "channel_kinds": ("all", "copies", "gray"),
    "backbone": ("small", "resnet50"),
    "norm": ("batch", "group"),
    "precision": ("float32", "bf16", "fp16"),
    "objective": ("baseline", "identity", "agw", "caj"),
    "schedule": ("line", "stairs"),
    "search": ("all", "indoor"),
    "draws": ("auto", "agw", "official", "none"),
}


@dataclass(frozen=True)
class ReidOptions:
    """Numbers of model, losses, sampling, augmentation and schedule; plain scalars only.

    The defaults train the small configuration on a CPU. The paper's configuration under camera isolation,
    from its released code where the text is silent, is::

        height=288 width=144 padding=10 flip=0.5 channel_augmentation=0.5 channel_kinds=copies
        backbone=resnet50 dimensions=2048 precision=fp16
        erasing=0 norm=batch stems=1 attention=false objective=baseline schedule=line
        per_modality=false joint=false paired=false
        circle_weight=1 circle_margin=0.45 circle_scale=64 circle_divisor=64
        batch_identities=8 batch_images=8 local_epochs=1 momentum=0.9 weight_decay=0.0005
        head_rate=0.2 backbone_rate=0.02 warmup=0.32 peak_round=16 keep_momentum=true search=all shots=1

    with ``rounds=50``; where the text, its released code, levels and data sets differ, presets.py tells. The
    defaults differ from the paper in: a small network trained from nothing where the
    paper has a ResNet-50 pretrained on ImageNet, and single precision where its code has mixed.

    Source: Jiang et al., CVPR 2025 (arXiv 2503.12232), section 4.2.

    Example:
        >>> ReidOptions(batch_images=8).batch_images
        8

    Raises:
        ConfigError: a number outside its range, or a word that is no choice.
    """

    # --- data
    classes: int = 0  # C: rows of the head, identities in the common numbering; 0: taken from the data
    labels: str = "true"  # "true", or "shuffled": a control in which nothing can be learnt
    split: int = 1  # RegDB: which of the ten published splits, 1 to 10
    blocks: str = ""  # rows of the head that each entity of a group has, such as "206+713"; from the data

    # --- images
    height: int = 96  # rows after resizing, pixels, >= 16
    width: int = 48  # columns after resizing, pixels, >= 16
    padding: int = 4  # zero border of the random crop, pixels, >= 0
    flip: float = 0.5  # probability of a horizontal flip, 0 to 1
    channel_augmentation: float = 1.0  # probability that an image's channels are made equal, 0 to 1
    channel_kinds: str = "all"  # "copies" (R, G, B; paper's text), "gray" (luminance), "all" (released code)
    erasing: float = 0.0  # probability that a rectangle of an image is erased, 0 to 1

    # --- model
    backbone: str = "small"  # "small", of the widths below; or "resnet50", which needs dimensions=2048
    norm: str = "batch"  # layers that normalise: "batch", or "group", of each image alone (dp needs it)
    stems: int = 1  # 1, or 2: a first convolution for each modality; `sharing` alone
    attention: bool = False  # AGW: five non-local blocks; "resnet50" alone
    stem: int = 16  # channels of the first convolution and of stage 1, >= 1
    stage2: int = 32  # channels of stage 2, >= 1
    stage3: int = 64  # channels of stage 3, >= 1
    dimensions: int = 80  # D: channels of stage 4, length of the features, >= 1

    # --- losses
    objective: str = "baseline"  # "baseline", "identity" (L_id), "agw" or "caj" (L_id and a triplet loss)
    circle_weight: float = 1.0  # weight of the circle loss, >= 0; 0 switches it off
    circle_margin: float = 0.45  # m of the circle loss, 0 to 1
    circle_scale: float = 64.0  # g (gamma) of the circle loss, > 0
    circle_divisor: float = 8.0  # number the circle loss is divided by, > 0; released code: the batch size

    # --- batches
    batch_identities: int = 8  # P: distinct identities in a batch, >= 2
    batch_images: int = 4  # K: images of each identity in a batch, >= 1
    per_modality: bool = False  # K images of each modality, not of both together; `sharing` alone
    joint: bool = False  # CAJ: visible images of such a batch twice, as they are and with equal channels
    paired: bool = False  # K paired tracklets, visible and infrared of one person and camera side by side

    # --- optimiser and schedule
    head_rate: float = 0.2  # peak learning rate of head and BN neck, > 0
    backbone_rate: float = 0.1  # peak learning rate of everything else, > 0
    momentum: float = 0.9  # Nesterov momentum, kept at the client from round to round, 0 <= . < 1
    weight_decay: float = 5e-4  # L2 weight decay of all trainable parameters, >= 0
    keep_momentum: bool = True  # False: a site's momentum begins every round at zero
    schedule: str = "line"  # "line" (up to a peak, down to 0), or "stairs" (entity-sharing baselines)
    warmup: float = 0.35  # W / R: share of all rounds after which the rate peaks, 0 <= . < 1
    peak_round: float = 0.0  # W: round of the peak, whatever the number of rounds; 0: warmup times rounds
    local_epochs: int = 1  # passes of floor(N / (P K)) + 1 steps in a round, >= 1
    precision: str = "float32"  # of forward and backward: "float32", or mixed with "bf16" or "fp16"

    # --- evaluation
    search: str = "all"  # "all", or "indoor", which only sysu has
    shots: int = 1  # gallery images of each identity and camera, 1 or 10
    draws: str = "auto"  # "auto" (as the papers do), "agw", "official" (exp/rand_perm_cam.mat) or "none"

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            within(name, getattr(self, name), low, high)
        for name, choices in CHOICES.items():
            pick(name, getattr(self, name), dict.fromkeys(choices))
        if self.backbone == "resnet50" and self.dimensions != RESNET50_DIMENSIONS:
            raise ConfigError(
                f"'dimensions' is {self.dimensions}, but backbone 'resnet50' has {RESNET50_DIMENSIONS}; "
                f"write task.dimensions={RESNET50_DIMENSIONS}"
            )
        if self.attention and self.backbone != "resnet50":
            raise ConfigError("'attention' is true, but only backbone 'resnet50' has non-local blocks")
        if self.joint and not self.per_modality:
            raise ConfigError("'joint' is true, but needs batches of each modality; set per_modality=true")
        if self.shots not in (1, 10):
            raise ConfigError(f"'shots' is {self.shots}, but the benchmark has 1 or 10")
