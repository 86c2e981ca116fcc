"""Every number of the finger vein experiment; the defaults are those of docs/vein/experiment.md."""

from dataclasses import dataclass
from itertools import count

from isofed.errors import ConfigError
from isofed.simulations.experiments.words import ranges, said
from isofed.tasks.vein.benchmarks.rules import TESTED

MANY = 1_000_000
PUBLIC_SEED = 2048  # of the pretraining, its fingers and its network: one public network for all repetitions


@dataclass(frozen=True)
class VeinExperiment:
    """What is drawn, how long is trained, how often it is repeated.

    Source: Wang et al., "FingerVeinSyn-5M", 2025: pretraining on generated fingers, fine-tuning on little
    real data. Differs from the paper in: the little data are drawn, too, of sensors and fingers that the
    pretraining never saw; far fewer fingers, a small network; several sites.

    Raises:
        ConfigError: a number outside its range.
    """

    fingers: int = said(2000, "drawn fingers to pretrain on", 2, 40_000)
    images: int = said(4, "pictures of each, spread over the published schedule", 2, 100)
    epochs: int = said(15, "passes over them", 1, MANY)
    pretrain_rate: float = said(0.1, "peak learning rate of the pretraining", 1e-9)
    pretrain_margin: float = said(0.2, "margin of its loss, radians", 0, 1.57)
    sensors: str = said("usm_like+sdumla_like+mmcbnu_like+utfvp_like", "the sites, a sensor each")
    unseen: str = said("nupt_like", "sensors that nobody trains on, tested as well; empty for none")
    schedule: str = said("published", "how a site's pictures of a finger differ; own: each sensor's, milder")
    site_fingers: int = said(50, "fingers of a site; of the half that is not tested a few train", 4, 10_000)
    site_images: int = said(6, "pictures of each", 2, 999)
    few_fingers: int = said(10, "fingers that a site trains on, ten or more as far as there are", 2, MANY)
    few_images: int = said(4, "pictures of each of these", 1, MANY)
    rounds: int = said(20, "rounds of fine-tuning, or of training from scratch", 1, MANY)
    local_epochs: int = said(1, "passes over a site's few pictures in a round", 1, MANY)
    scratch_rate: float = said(0.1, "peak learning rate from scratch", 1e-9)
    tuned_rate: float = said(0.01, "peak learning rate of fine-tuning", 1e-9)
    frozen: int = said(2, "first rounds of fine-tuning, in which the first stage stands still", 0, MANY)
    strategy: str = said("fedavg", "of the federation; one whose whole backbone the server holds")
    protocol: str = said("camera", "its privacy level: camera, camera_strict or entity")
    seeds: int = said(5, "repetitions: other first weights, batches, sites' fingers", 1, 1000)
    first_seed: int = said(0, "the first of them", 0, MANY)
    backbone: str = said("small", "the network, see tasks/vein/README.md")
    height: int = said(48, "rows of what it is fed, pixels", 16, 1024)
    width: int = said(144, "columns", 16, 1024)
    batch: int = said(32, "pictures of a step", 2, MANY)
    workers: int = said(0, "processes; 0: one for each core", 0, 256)

    def __post_init__(self) -> None:
        ranges(self)
        if self.few_fingers > self.site_fingers // 2:
            raise ConfigError(
                f"'few_fingers' is {self.few_fingers}, but of 'site_fingers' {self.site_fingers} only "
                f"{self.site_fingers // 2} are not tested; write a larger site_fingers"
            )

        if PUBLIC_SEED in self.each:
            raise ConfigError(
                f"'first_seed' is {self.first_seed}, and a repetition with seed {PUBLIC_SEED} would test on "
                "fingers of the pretraining; write another"
            )

    @property
    def drawn(self) -> int:
        """How many fingers are drawn to pretrain on: the last tenth is tested, two at least."""
        return next(n for n in count(self.fingers) if n - max(TESTED, n // 10) >= self.fingers)

    @property
    def share(self) -> float:
        """The share of a site's fingers, those that are tested aside, that ``few_fingers`` are."""
        return self.few_fingers / (self.site_fingers // 2)

    @property
    def each(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
