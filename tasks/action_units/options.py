"""Every number of the action unit task, defaults for a small network on a CPU."""

from dataclasses import dataclass

from isofed.config import within
from isofed.errors import ConfigError
from isofed.suggest import pick
from isofed.tasks.action_units.flow import SCALINGS, SOLVERS, STRAINS
from isofed.tasks.action_units.infusion import SCOPES
from isofed.tasks.action_units.layouts.listing import NEARS
from isofed.tasks.action_units.model import AMPLIFICATION, UNITS

MANY, LARGE = 1_000_000, 1e30  # no sane number is above; a bound keeps typing errors out
ABOVE_ZERO, BELOW_ONE = 1e-12, 0.999999
COARSEST = 32  # pixels: what the last stage has one place for

RANGES: dict[str, tuple[float, float]] = {
    "classes": (len(UNITS), len(UNITS)),
    "size": (COARSEST, 1024),
    "margin": (0, 0.49),
    "amplification": (1, 100),
    "least": (0, 100),
    "workers": (1, 256),
    "width": (4, 1024),
    "flow_weight": (0, LARGE),
    "most_weight": (1, LARGE),
    "batch": (2, MANY),
    "local_epochs": (1, MANY),
    "rate": (ABOVE_ZERO, LARGE),
    "decay": (ABOVE_ZERO, 1),
    "momentum": (0, BELOW_ONE),
    "weight_decay": (0, LARGE),
}
CHOICES = {
    "labels": ("true", "shuffled"),
    "flow": tuple(SOLVERS),
    "strain": STRAINS,
    "scaling": SCALINGS,
    "near": NEARS,
    "norm": ("batch", "group"),
    "scope": SCOPES,
    "balance": ("none", "local"),
    "optimiser": ("sgd", "adam"),
    "precision": ("float32", "bf16", "fp16"),
}


@dataclass(frozen=True)
class ActionUnitOptions:
    """Numbers of data, model, loss and optimiser; plain scalars only.

    The network of the paper with the recipe of the protocol's reference implementation, one round being an
    epoch, is ``task=action_units_infusenet``: pictures of 224 pixels, width 64, Adam with a rate of 1e-4 and
    a weight decay of 1e-3, batches of 32, 50 rounds. The paper's own recipe is not known. The defaults differ
    in: a small network and small pictures; SGD with a rate for tens of rounds; positives weighed up.

    Source: Khor et al., "Infused Suppression of Magnification Artefacts for Micro-AU Detection", 2025, for
    the network; Varanka et al., "Data Leakage and Evaluation Issues in Micro-Expression Analysis", 2023, for
    the recipe.

    Example:
        >>> ActionUnitOptions(width=64, scope="batch").classes
        12

    Raises:
        ConfigError: a number outside its range, or a word that is no choice.
    """

    # --- data
    classes: int = 12  # the action units of CD6ME
    labels: str = "true"  # "true", or "shuffled": a control in which nothing can be learnt
    size: int = 64  # of pictures, pixels, a multiple of 32; 224 as released
    margin: float = 0.0  # share of a frame cut off at each border, 0 to 0.49; 0 takes faces as published
    flow: str = "farneback"  # who finds optical flow: "farneback" or "dis", both OpenCV's
    strain: str = "textbook"  # "textbook", or "meb", where normal and shear terms changed places
    scaling: str = "image"  # of flow pictures: "image", least to greatest value, or "fixed", 3 pixels
    near: str = "drawn"  # the second frame near the apex: "drawn" from its window, its "end", or the "apex"
    magnifier: str = ""  # file of the magnifier's weights; "": not trained, from a seed
    amplification: float = 10.0  # of latent motion, 1 to 100; at 1 nothing is left of it
    least: float = 0.0  # from which up to amplification it is drawn in training, > 1; 0: never drawn
    workers: int = 2  # threads that make flow and latents once, 1 to 256

    # --- model
    width: int = 16  # channels of a branch's first stage, 4 to 1024; 64 as released
    norm: str = "batch"  # layers that normalise: "batch", or "group", of each clip alone (dp needs it)
    infuse: bool = True  # False: an ablation in which the branches share the head alone
    scope: str = "sample"  # of the infusion's extremes: "sample", or "batch" as released

    # --- loss
    flow_weight: float = 1.0  # lambda, of the flow branch's loss beside the magnified one's, >= 0
    balance: str = "local"  # weight of a positive: "none", or "local", the site's negatives a positive
    most_weight: float = 10.0  # of balance=local, at most, >= 1

    # --- optimiser and schedule
    batch: int = 16  # B: clips of a step, >= 2; a site with fewer takes all it has; 32 as in CD6ME
    local_epochs: int = 1  # passes over a site's clips in a round, >= 1
    optimiser: str = "sgd"  # "sgd", or "adam" as in CD6ME, which has no momentum to set
    rate: float = 0.05  # learning rate of the first round, > 0
    decay: float = 1.0  # factor on it after each round, > 0 to 1; 1 as in CD6ME
    momentum: float = 0.9  # Nesterov momentum, kept at the client from round to round, 0 <= . < 1
    weight_decay: float = 5e-4  # L2 weight decay of all trainable parameters, >= 0
    keep_momentum: bool = True  # False: a site's momentum begins every round at zero
    precision: str = "float32"  # of forward and backward: "float32", or mixed with "bf16" or "fp16"

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            within(name, getattr(self, name), low, high)
        for name, choices in CHOICES.items():
            pick(name, getattr(self, name), dict.fromkeys(choices))
        if self.size % COARSEST:
            raise ConfigError(
                f"'size' is {self.size}, but must be a multiple of {COARSEST}, such as 64 or 224"
            )
        if self.least and not 1 < self.least <= self.amplification:
            raise ConfigError(
                f"'least' is {self.least} and 'amplification' {self.amplification}; give 0, or a number "
                "above 1 and at most the amplification"
            )


assert ActionUnitOptions.amplification == AMPLIFICATION
