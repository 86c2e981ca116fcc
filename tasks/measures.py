"""The numbers of an evaluation: what each is called, and how comparisons fell out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A number of an evaluation, for whoever reads a report.

    Args:
        name: as in the results; without a dot.
        meaning: in words, beginning with the name.
        lower: whether a smaller one is the better.
        fraction: whether it lies between 0 and 1 and is shown in per cent; others stand in the history alone.
    """

    name: str
    meaning: str
    lower: bool = False
    fraction: bool = True


@dataclass(frozen=True)
class Scores:
    """How the comparisons of one test set fell out, as sums alone, for DET curves and histograms.

    Attributes:
        edges: (B + 1,) rising, of the histograms' bins.
        genuine, impostor: (B,) numbers of comparisons by bin of their score, of one subject and of two.
        far, frr: (K,) points of the DET curve, shares of impostors accepted, rising, and of genuine refused.
        threshold: the score at which both are equal.
    """

    edges: tuple[float, ...]
    genuine: tuple[int, ...]
    impostor: tuple[int, ...]
    far: tuple[float, ...]
    frr: tuple[float, ...]
    threshold: float
