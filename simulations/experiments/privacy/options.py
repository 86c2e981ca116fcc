"""Every number of the cost-of-privacy experiment."""

from dataclasses import dataclass

from isofed.errors import ConfigError
from isofed.simulations.experiments.privacy.cases import CASES, Case
from isofed.simulations.experiments.words import ranges, said
from isofed.suggest import pick

MANY, ALL = 1_000_000, "all"


@dataclass(frozen=True)
class PrivacyExperiment:
    """On what is trained, how private, how long, how often it is repeated.

    Raises:
        ConfigError: a number outside its range, a task that there is not, or an ε that is none.
    """

    tasks: str = said(ALL, "such as reid+vein, or all of reid, vein, micro_gesture, action_units")
    epsilons: str = said("8+64+512", "of a whole run, for each unit of a site; a single one: 8+")
    delta: float = said(1e-3, "chance beside it; a site has some tens to hundreds of units", 1e-30, 0.5)
    norm: float = said(1.0, "C, the longest that one unit's gradient may be", 1e-9)
    rounds: int = said(0, "of each federation; 0: as many as each task's takes", 0, MANY)
    identities: int = said(48, "people to train on of reid", 2, MANY)
    images: int = said(6, "of each, from a camera that sees her", 2, 1000)
    fingers: int = said(24, "of each of the four sensors of vein, half of them tested", 4, MANY)
    pictures: int = said(6, "of each finger", 2, 1000)
    people: int = said(8, "of each room of micro_gesture and each database of action_units", 4, 99)
    clips: int = said(
        6, "of each of them; of micro_gesture a third in each of three videos, of action_units half", 1, 999
    )
    seeds: int = said(5, "repetitions: other data, weights, draws and noise", 1, 1000)
    first_seed: int = said(0, "the first of them", 0, MANY)
    workers: int = said(0, "processes; 0: one for each core", 0, 256)

    def __post_init__(self) -> None:
        ranges(self)
        for name in self.tasks.split("+") if self.tasks != ALL else ():
            pick("task", name, CASES)
        if not self.levels or any(each <= 0 for each in self.levels):
            raise ConfigError(
                f"'epsilons' is '{self.epsilons}'; write numbers above 0 with + between, as in 8+64"
            )

    @property
    def levels(self) -> tuple[float, ...]:
        """Every ε, the largest first; empty where one cannot be read."""
        try:
            return tuple(sorted({float(each) for each in self.epsilons.split("+") if each}, reverse=True))
        except ValueError:
            return ()

    @property
    def cases(self) -> tuple[Case, ...]:
        """The tasks."""
        return tuple(
            case for name, case in CASES.items() if self.tasks == ALL or name in self.tasks.split("+")
        )

    @property
    def each(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
