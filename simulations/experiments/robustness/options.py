"""Every number of the robustness experiment."""

from dataclasses import dataclass

from isofed.errors import ConfigError
from isofed.simulations.experiments.words import ranges, said
from isofed.strategies.named.robust import NAMED
from isofed.suggest import pick

MANY = 1_000_000
MEAN = "fedavg"
TASKS = ("reid", "vein")
RULES = "krum+multi_krum+bulyan+trimmed_mean+median+rfa+centred_clipping+norm_bounding"


@dataclass(frozen=True)
class RobustnessExperiment:
    """What is drawn, how long is trained, who attacks and how.

    Raises:
        ConfigError: a number outside its range, or a rule or task that there is not.
    """

    tasks: str = said("reid+vein", "reid: nine drawn cameras; vein: seven drawn sensors")
    rules: str = said(RULES, "beside fedavg")
    hostile: int = said(1, "of the sites that attack", 1, 6)
    flip: float = said(10.0, "s of the sign flip; above n - 1, a mean goes backwards", 1e-9, 1e6)
    factor: float = said(100.0, "γ of scaling", 1, 1e6)
    deviation: float = said(1.0, "σ of gaussian", 1e-9, 1e6)
    epsilon: float = said(10.0, "ε of inner-product manipulation", 1e-9, 1e6)
    deviations: float = said(1.5, "z of a little is enough", 0, 100)
    rounds: int = said(10, "of every federation", 1, MANY)
    people: int = said(8, "drawn people to train on", 8, 1000)
    fingers: int = said(24, "drawn fingers of each sensor, half of them tested", 8, 1000)
    seeds: int = said(2, "repetitions: other data, weights, batches and attackers", 1, 1000)
    first_seed: int = said(0, "the first of them", 0, MANY)
    workers: int = said(0, "processes; 0: one for each core", 0, 256)

    def __post_init__(self) -> None:
        ranges(self)
        if "," in self.rules + self.tasks:
            raise ConfigError("names of rules and tasks have + between them, not a comma: rules=krum+median")
        for name in self.robust:
            pick("rule", name, NAMED)
        for name in self.on:
            pick("task", name, dict.fromkeys(TASKS))
        if not self.on:
            raise ConfigError("'tasks' is empty; write tasks=reid, tasks=vein or both with + between")

    @property
    def on(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(name for name in self.tasks.split("+") if name)

    @property
    def robust(self) -> tuple[str, ...]:
        """The rules beside the mean; fltrust is no rule for people and fingers."""
        return tuple(name for name in self.rules.split("+") if name)

    @property
    def each(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)
