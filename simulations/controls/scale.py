"""What controls are compared by: the task's measures, which way is up, and where nothing is learnt."""

from dataclasses import dataclass

from isofed.simulations.plan import Plan
from isofed.tasks.task import Measure

RAW, CHANCE, UNTRAINED = "raw pixels", "random features", "untrained"
DRAWS = "gallery draws"
RETRIEVAL = (Measure("mAP", ""), Measure("R1", ""))


@dataclass(frozen=True)
class Scale:
    """By what controls are compared.

    Attributes:
        measures: fractions, the one that verdicts are about first.
        over: what the spread of a single run is over.
        nothing: the row of what is there without any learning.
    """

    measures: tuple[Measure, ...] = RETRIEVAL
    over: str = DRAWS
    nothing: str = CHANCE

    @classmethod
    def of(cls, plan: Plan) -> "Scale":
        """Return the scale of a run's task.

        Pictures that are much alike are told apart by a network with random weights as well, so what was
        learnt counts from there where a task has measures of its own; retrieval counts from a random ranking.
        """
        setting = plan.setting()
        task, layout = setting.task, plan.cfg["data"]["layout"]
        over = str(task.benchmark(layout, setting.options).get("spread_over", DRAWS))
        fractions = tuple(measure for measure in task.measures if measure.fraction)
        return cls(fractions, over, UNTRAINED) if fractions else cls(over=over)

    @property
    def names(self) -> tuple[str, ...]:
        """The measures' names."""
        return tuple(measure.name for measure in self.measures)

    @property
    def main(self) -> Measure:
        """The measure that verdicts are about."""
        return self.measures[0]

    def gain(self, value: float, over: float) -> float:
        """Return by how much ``value`` is better than ``over`` in the main measure, below 0 where worse."""
        return over - value if self.main.lower else value - over


REID = Scale()
