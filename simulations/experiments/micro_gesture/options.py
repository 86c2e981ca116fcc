"""Every number of the micro-gesture experiment."""

from dataclasses import dataclass

from isofed.errors import ConfigError
from isofed.simulations.experiments.words import ranges, said

MANY = 1_000_000


@dataclass(frozen=True)
class MicroGestureExperiment:
    """What is drawn, how long is trained, how often it is repeated.

    Source: Xia et al., "Hybrid-supervised Hypergraph-enhanced Transformer for Micro-gesture Based Emotion
    Recognition", 2025: hybrid against supervised training, hypergraph against plain attention. Differs from
    the paper in: drawn bodies, a small network, several rooms, one of which knows nobody's emotion.

    Raises:
        ConfigError: a number outside its range.
    """

    rooms: int = said(4, "sites, a room with a camera and people of its own each", 2, 100)
    unlabelled: int = said(1, "of these, rooms that know nobody's emotion", 0, 99)
    subjects: int = said(8, "people of a room, of whom a quarter is tested alone", 4, 1000)
    videos: int = said(3, "of each", 2, 100)
    clips: int = said(6, "of each video", 1, 1000)
    contrast: float = said(0.9, "how differently often gestures are seen under both emotions", 0, 1)
    labelled: float = said(0.2, "share of the videos whose emotion is known, where labels are few", 0.001, 1)
    rounds: int = said(16, "of the federation, and passes of who trains alone", 1, MANY)
    local_epochs: int = said(1, "passes over a room's clips in a round", 1, MANY)
    rate: float = said(0.05, "peak learning rate", 1e-9)
    rebuilt_weight: float = said(1.0, "of the reconstruction in hybrid training", 1e-9, 1e9)
    depth: str = said("e2d2", "blocks of encoder and decoder, see tasks/micro_gesture/README.md")
    heads: int = said(2, "of attention", 1, 64)
    width: int = said(24, "channels", 12, 4096)
    batch: int = said(16, "clips of a step", 2, MANY)
    seeds: int = said(5, "repetitions: other weights, batches and people", 1, 1000)
    first_seed: int = said(0, "the first of them", 0, MANY)
    workers: int = said(0, "processes; 0: one for each core", 0, 256)

    def __post_init__(self) -> None:
        ranges(self)
        if self.unlabelled >= self.rooms:
            raise ConfigError(
                f"'unlabelled' is {self.unlabelled} and 'rooms' {self.rooms}, so nobody knows an emotion; "
                "write a smaller unlabelled"
            )

    @property
    def each(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
