"""What can go wrong in a deployed run, and seeded cases of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from isofed.seeds import public

ROUNDS, SITES, EVALUATOR = 4, ("s0", "s1", "s2", "s3"), "judge"
DEADLINE, ABSENT, LONG = 120.0, 30.0, 170.0
AWAY = 100.0  # seconds: longer than anybody is waited for who is not needed, and no longer than who is

Where = Literal["site", "evaluator", "way", "server"]

# where each strikes; whether all replies still count where a round may do without some
KINDS: dict[str, tuple[Where, bool]] = {
    "dies before it trains": ("site", True),
    "dies before its ledger is written": ("site", True),
    "dies within its line in the ledger": ("site", True),
    "dies before its memory is written": ("site", True),
    "dies while its memory is written": ("site", True),
    "dies before its reply leaves": ("site", True),
    "dies and does not return": ("site", False),
    "joins late": ("site", True),
    "joins too late": ("site", False),
    "is slow": ("site", True),
    "is too slow": ("site", False),
    "replies twice": ("site", True),
    "replies into a later round": ("site", True),
    "loses its reply on the way": ("site", True),
    "loses its worker": ("site", True),
    "forgets what it was asked": ("site", True),
    "is asked again in a later round": ("site", True),
    "sends bytes that are no array": ("site", False),
    "sends NaN": ("site", False),
    "sends wrong shapes": ("site", False),
    "sends what was not agreed": ("site", False),
    "sends another attempt's reply": ("site", False),
    "dies and returns": ("evaluator", True),
    "is away for an evaluation": ("evaluator", True),
    "the SuperLink is away": ("way", True),
    "the SuperLink gives the run up": ("way", True),
    "dies before the attempt is noted": ("server", True),
    "dies after the attempt is noted": ("server", True),
    "dies before the orders leave": ("server", True),
    "dies after the orders left": ("server", True),
    "dies between two replies": ("server", True),
    "dies in the evaluation": ("server", True),
    "dies before its checkpoint": ("server", True),
    "dies while its checkpoint is written": ("server", True),
    "dies after its checkpoint": ("server", True),
}
JOINS = {"joins late": 15.0, "joins too late": 2 * LONG}
WAYS = ("fedavg", "scaffold", "ditto", "dppt", "fedadam", "quantised")  # what the cases train with


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, once.

    Args:
        kind: one of :data:`KINDS`.
        site: where, for what goes wrong at a site.
        round: from which on.
        back: seconds until what died is there again; None for never.
    """

    kind: str
    site: str
    round: int
    back: float | None

    @property
    def harmless(self) -> bool:
        """Whether every reply counts all the same."""
        return KINDS[self.kind][1]

    @property
    def where(self) -> Where:
        """What it strikes."""
        return KINDS[self.kind][0]

    def __str__(self) -> str:
        whose = f"{self.site} " if self.where in ("site", "evaluator") else ""
        whose = "the server " if self.where == "server" else whose
        return f"{whose}{self.kind} (round {self.round})"


@dataclass(frozen=True)
class Case:
    """A run and what goes wrong in it.

    Args:
        number: of the case, from which all that is random in it comes.
        way: one of :data:`WAYS`.
        minimum: usable reports that make a round.
        faults: at most one a site.
    """

    number: int
    way: str
    minimum: int
    faults: tuple[Fault, ...] = ()

    @property
    def all_count(self) -> bool:
        """Whether the rule says that every reply of every round counts."""
        return self.minimum == len(SITES) or all(fault.harmless for fault in self.faults)

    def __str__(self) -> str:
        rule = "all" if self.minimum == len(SITES) else f"{self.minimum} of {len(SITES)}"
        return f"{self.way}, {rule}: {'; '.join(map(str, self.faults)) or 'no fault'}"


def case(seed: int, number: int) -> Case:
    """Return a case: one kind of fault after the other, with up to two more beside."""
    rng = public(seed, number, "", "faults")
    kinds, rule = list(KINDS), (len(SITES), 2, 2)[number % 3]
    chosen = [kinds[number % len(kinds)], *rng.permutation(kinds)[: int(rng.integers(0, 3))].tolist()]
    sites, faults, harm = [str(site) for site in rng.permutation(SITES)], list[Fault](), 0
    for kind in dict.fromkeys(chosen):
        where, harmless = KINDS[kind]
        harm += not harmless
        if (harm > 2 and not harmless) or (where == "evaluator" and any(f.where == where for f in faults)):
            continue
        site = {"site": sites.pop(), "evaluator": EVALUATOR}.get(where, "")
        faults.append(Fault(kind, site, _round(kind, rng), _back(kind, rule, rng)))
    return Case(number, WAYS[int(rng.integers(len(WAYS)))], rule, tuple(faults))


def _round(kind: str, rng: np.random.Generator) -> int:
    if kind in JOINS:
        return 1
    if KINDS[kind][0] == "evaluator":
        return 2  # it is asked after every second round
    last = ROUNDS - ("later round" in kind)
    return int(rng.integers(1, last + 1))


def _back(kind: str, minimum: int, rng: np.random.Generator) -> float | None:
    if kind == "dies and does not return":
        # who has to wait for all of them needs it back
        return None if minimum < len(SITES) else LONG
    return AWAY if kind == "is away for an evaluation" else float(rng.uniform(0.5, 20.0))
