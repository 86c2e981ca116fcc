"""Every number of the action unit experiment."""

from dataclasses import dataclass

from isofed.simulations.experiments.words import ranges, said
from isofed.suggest import pick
from isofed.tasks.action_units.labels import KEYS

MANY, ALL = 1_000_000, "all"


@dataclass(frozen=True)
class ActionUnitExperiment:
    """What is drawn, how long is trained, how often it is repeated.

    Source: Varanka et al., "Data Leakage and Evaluation Issues in Micro-Expression Analysis", 2023, for
    leaving one of six databases out; Khor et al., "Infused Suppression of Magnification Artefacts for
    Micro-AU Detection", 2025, for the two ablations. Differs from both in: drawn faces, a small network, and
    five databases that train together without showing each other a clip.

    Raises:
        ConfigError: a number outside its range, or a database that there is not.
    """

    subjects: int = said(8, "people of each of the six databases", 1, 99)
    clips: int = said(6, "of each person", 1, 99)
    frames: int = said(8, "of a clip, at most", 3, 200)
    motion: float = said(1.0, "factor on the 0.4 to 1.6 pixels (of 128) that a unit moves", 0, 10)
    size: int = said(64, "of pictures, pixels, a multiple of 32", 32, 512)
    width: int = said(8, "channels of a branch's first stage", 4, 1024)
    rounds: int = said(10, "of a federation, and passes of who trains alone", 1, MANY)
    rate: float = said(0.05, "learning rate", 1e-9)
    batch: int = said(16, "clips of a step", 2, MANY)
    magnifier_steps: int = said(600, "of the magnifier's training; 0: its weights come from a seed", 0, MANY)
    folds: str = said("all", "databases left out one after another, such as casme+samm, or all")
    seeds: int = said(5, "repetitions: other people, weights and batches", 1, 1000)
    first_seed: int = said(0, "the first of them", 0, MANY)
    workers: int = said(0, "processes; 0: one for each core", 0, 256)

    def __post_init__(self) -> None:
        ranges(self)
        for name in self.folds.split("+") if self.folds != ALL else ():
            pick("database", name, dict.fromkeys(KEYS))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The databases that are left out, in the table's order."""
        return tuple(key for key in KEYS if self.folds == ALL or key in self.folds.split("+"))

    @property
    def each(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
