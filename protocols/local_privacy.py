"""Differential privacy of a site's own training: what ``dp=`` can be, and what a reply of it costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from isofed.config import within
from isofed.contracts import Contract
from isofed.errors import CompositionError, ConfigError
from isofed.protocols.local_misfits import refuse_misfits
from isofed.suggest import pick

UNITS = ("none", "example", "subject")
ACCOUNTANTS = ("rdp", "prv")
RELEASES = ("examples", "loss", "measures")


@dataclass(frozen=True)
class LocalPrivacy:
    """How a site trains so that no unit of its data shows in what it sends: DP-SGD at the site.

    Args:
        unit: ``example``, one sample of the data, or ``subject``, all samples of one person at the site.
        norm: C, the longest that one unit's gradient may be, in the parameters' own unit; above 0.
        noise: z, at least 0, the noise multiplier: the sum of a step's clipped gradients gets N(0, (z C)^2)
            an entry; left out where ``epsilon`` says it.
        epsilon: ε, above 0, of the whole run for the site's units, from which every site finds its z; left
            out where ``noise`` says it.
        delta: δ, above 0 to 0.5; well below one over a site's units.
        accountant: ``rdp`` or ``prv``, by which z is found for a target ε.
        ghost: whether gradients' norms are computed without the gradients (ghost clipping).
        release: what leaves unhidden beside the model all the same, separated by commas: ``examples``, how
            many a site holds (else 1, so that sites weigh the same); ``loss``, of its training (else none);
            ``measures``, of what it holds out (else nothing may be held out).
        budget: ε, above 0, that no site's replies of this run may come to more than, by the accountant;
            before the reply that would, a site stops. Left out, for none.

    Raises:
        ConfigError: a number out of its range, or not exactly one of ε and z.
    """

    unit: str
    norm: float = 1.0
    noise: float | None = None
    epsilon: float | None = None
    delta: float = 1e-5
    accountant: str = "prv"
    ghost: bool = False
    release: str = ""
    budget: float | None = None

    def __post_init__(self) -> None:
        pick("unit", self.unit, dict.fromkeys(UNITS[1:]))
        within("norm", self.norm, 1e-9, 1e9)
        if (self.noise is None) == (self.epsilon is None):
            both = "both are" if self.noise is not None else "neither is"
            raise ConfigError(
                f"of 'epsilon' and 'noise' {both} given; give one: dp.epsilon=8, for which every site "
                "finds the noise that it needs, or dp.noise=1, for which it says what that came to"
            )
        within("noise", 1.0 if self.noise is None else self.noise, 0.0, 1e6)
        within("epsilon", 1.0 if self.epsilon is None else self.epsilon, 1e-6, 1e6)
        within("delta", self.delta, 1e-30, 0.5)
        within("budget", 1.0 if self.budget is None else self.budget, 1e-6, 1e6)
        pick("accountant", self.accountant, dict.fromkeys(ACCOUNTANTS))
        for number in self.released:
            pick("number to release", number, dict.fromkeys(RELEASES))

    @property
    def released(self) -> tuple[str, ...]:
        """The numbers that leave unhidden all the same."""
        return tuple(word.strip() for word in self.release.split(",") if word.strip())

    def on(self, recipe: Any, level: Any, task: Any, options: Any, holdout: float = 0.0) -> "LocalPrivacy":
        """Return this, after everything that speaks against it there.

        Raises:
            CompositionError: see protocols/local_misfits.py.
        """
        refuse_misfits(self, recipe, level, task, options)
        if holdout and "measures" not in self.released:
            raise CompositionError(
                f"dp={self.unit} does not hide what a site measures on samples it holds out; write "
                "holdout=0, or dp.release=measures, which lets it out as it is"
            )
        return self

    def told(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return a report's numbers without those that tell of the data and are not released."""
        kept = {name: value for name, value in numbers.items() if name != "loss" or name in self.released}
        return kept if "examples" in self.released else {**kept, "examples": 1}


@dataclass(frozen=True)
class Spend:
    """What one reply cost: ``steps`` Poisson-subsampled Gaussian steps.

    Args:
        unit: the task's own word for what is hidden: ``image``, ``clip``, ``identity``, ``subject``.
        mechanism: ``dp-sgd``.
        rate: q, the chance of a unit to be in a step, above 0 to 1.
        noise: z, the standard deviation of the noise over the longest that one unit moves the sum.
        steps: taken, empty ones included.
        count: units at the site.
    """

    unit: str
    mechanism: str
    rate: float
    noise: float
    steps: int
    count: int


def quiet(dp: LocalPrivacy | None, contract: Contract) -> Contract:
    """Return the contract of what leaves where sites train like this: without a loss that is not released."""
    if dp is None or "loss" in dp.released:
        return contract
    return replace(contract, numbers={n: agreed for n, agreed in contract.numbers.items() if n != "loss"})


def none() -> None:
    """Train without differential privacy at the sites."""


def example(
    norm: float = 1.0,
    noise: float | None = None,
    epsilon: float | None = None,
    delta: float = 1e-5,
    accountant: str = "prv",
    ghost: bool = False,
    release: str = "",
    budget: float | None = None,
) -> LocalPrivacy:
    """Hide every single sample of a site: an image, a clip.

    Args:
        norm, noise, epsilon, delta, accountant, ghost, release, budget: see :class:`LocalPrivacy`.
    """
    return LocalPrivacy("example", norm, noise, epsilon, delta, accountant, ghost, release, budget)


def subject(
    norm: float = 1.0,
    noise: float | None = None,
    epsilon: float | None = None,
    delta: float = 1e-5,
    accountant: str = "prv",
    release: str = "",
    budget: float | None = None,
) -> LocalPrivacy:
    """Hide every person at a site, all samples of one together.

    Args:
        norm, noise, epsilon, delta, accountant, release, budget: see :class:`LocalPrivacy`.
    """
    return LocalPrivacy("subject", norm, noise, epsilon, delta, accountant, False, release, budget)


LOCAL: dict[str, Callable[..., Any]] = {"none": none, "example": example, "subject": subject}
