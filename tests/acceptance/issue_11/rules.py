#!/usr/bin/env python3
"""Each robust rule equals a slow oracle, and bears as many faulty sites as it says, whatever these send.

    python tests/acceptance/issue_11/rules.py [--examples N] [--only WORD]

First the oracle: drawn changes of several thousand numbers, the rule as the server plays it, and the rule
written out on whole vectors in float64. Then the bound: n is the least number of sites that the rule allows
for f faulty ones. Hypothesis chooses what the f send, having seen the others: numbers up to 1e30, honest
changes turned, stretched, copied or pushed to the edge of what looks honest, all alike or each its own, and
is told how far the output came from the honest mean, so that it looks for worse. That stays within the
multiple of the honest spread that docs/robust.md states. FedAvg's mean leaves it, under a sign flip and under
scaling. Prints a line for each; exits with 1 where one fails.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "strategies" / "robust"))

from robust_oracles import RULES

from isofed.server.folded import Folded
from isofed.server.gathered import Gathered
from isofed.strategies.robust.coordinates import median, trimmed_mean
from isofed.strategies.robust.distances import centred_clipping, norm_bounding, rfa
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.robust.selection import bulyan, krum, multi_krum
from isofed.strategies.rules import uniform_mean
from isofed.trees import Layout, Tree, from_arrays

D = 4
Vectors = np.ndarray
TOLERANCE = {"rfa": 1e-6}  # of the oracle, relative to the largest entry; else 1e-9


def server(rule: GatheringRule, changes: Vectors) -> Vectors:
    """Return the direction that the server finds for models that went by ``changes`` from a start of 1."""
    start = from_arrays({"w": np.ones(changes.shape[1])})
    kept = Gathered.of(rule, len(changes))
    for change in changes:
        kept.add({"examples": 1.0}, Tree(start.layout, {"float64": 1.0 + change}), start, nothing())
    return np.asarray(kept.direction()["w"])


def averaged(changes: Vectors) -> Vectors:
    """Return FedAvg's direction for sites of equally many examples."""
    start = from_arrays({"w": np.ones(changes.shape[1])})
    kept = Folded.of(uniform_mean, start.layout, nothing().layout)
    for change in changes:
        kept.add({"examples": 1.0}, Tree(start.layout, {"float64": 1.0 + change}), start, nothing())
    return np.asarray(kept.direction()["w"])


def nothing() -> Tree:
    """Return running statistics of a model that has none."""
    return Tree(Layout.of([]), {})


@dataclass(frozen=True)
class Scene:
    """What the honest sites send: n - f changes around their mean c, none farther than s from it."""

    honest: Vectors
    n: int
    f: int

    @property
    def c(self) -> Vectors:
        """Their mean."""
        return np.asarray(self.honest.mean(axis=0))

    @property
    def s(self) -> float:
        """Their spread."""
        return float(np.linalg.norm(self.honest - self.c, axis=1).max())

    @property
    def each(self) -> Vectors:
        """Their spread in each coordinate, (d,)."""
        return np.asarray(np.abs(self.honest - self.c).max(axis=0))


@dataclass(frozen=True)
class Bound:
    """A rule at the edge of what it bears.

    Args:
        make: from f to the rule.
        least: from f to the least n.
        used: from (output, scene) to the share of the stated bound that was used up: at most 1.
        said: the bound in words.
    """

    make: Callable[[int], GatheringRule]
    least: Callable[[int], int]
    used: Callable[[Vectors, Scene], float]
    said: str


def whole(limit: Callable[[Scene], float]) -> Callable[[Vectors, Scene], float]:
    """Return the share of a bound on the distance from the honest mean."""
    return lambda out, scene: float(np.linalg.norm(out - scene.c)) / limit(scene)


def entries(times: float) -> Callable[[Vectors, Scene], float]:
    """Return the share of a bound on each coordinate, a multiple of the honest spread there."""
    return lambda out, scene: float((np.abs(out - scene.c) / (times * scene.each)).max())


def krums(scene: Scene) -> float:
    """s (1 + 2 √((n - f - 2) / (n - 2f - 1)))."""
    return scene.s * (1 + 2 * sqrt((scene.n - scene.f - 2) / (scene.n - 2 * scene.f - 1)))


def clipped(steps: int) -> Callable[[Scene], float]:
    """q^L ‖c‖ + 3 s (1 - q^L) / (1 - q), q = 2f / n."""

    def limit(scene: Scene) -> float:
        q = 2 * scene.f / scene.n
        return float(q**steps * np.linalg.norm(scene.c) + 3 * scene.s * (1 - q**steps) / (1 - q))

    return limit


def odd(f: int) -> int:
    """Return 2f + 1."""
    return 2 * f + 1


BOUNDS = {
    "krum": Bound(krum, lambda f: 2 * f + 3, whole(krums), "s (1 + 2 √((n-f-2) / (n-2f-1)))"),
    "multi_krum": Bound(multi_krum, lambda f: 2 * f + 3, whole(krums), "s (1 + 2 √((n-f-2) / (n-2f-1)))"),
    "bulyan": Bound(bulyan, lambda f: 4 * f + 3, entries(3.0), "3 s_j in each coordinate j"),
    "trimmed_mean": Bound(trimmed_mean, odd, entries(1.0), "s_j in each coordinate j"),
    "median": Bound(lambda f: median, odd, entries(1.0), "s_j in each coordinate j"),
    "rfa": Bound(
        lambda f: rfa(1e-9, 20_000),
        odd,
        whole(lambda x: 2 * x.s * (x.n - x.f) / (x.n - 2 * x.f)),
        "2 s (n-f) / (n-2f)",
    ),
    "centred_clipping": Bound(
        lambda f: centred_clipping(0.0, 30), odd, whole(clipped(30)), "q^L ‖c‖ + 3s (1-q^L) / (1-q), q = 2f/n"
    ),
    "norm_bounding": Bound(
        lambda f: norm_bounding(),
        odd,
        lambda out, x: float(np.linalg.norm(out) / np.linalg.norm(x.honest, axis=1).max()),
        "no longer than the longest honest one",
    ),
}


@st.composite
def scenes(draw: Any, n: int, f: int) -> Scene:
    """Draw honest changes: a way that all go, from none to a hundred spreads, and each site's own."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    way = draw(st.sampled_from([0.0, 1.0, 10.0, 100.0])) * rng.normal(size=D)
    return Scene(way + rng.normal(size=(n - f, D)), n, f)


NUMBERS = st.floats(-1e30, 1e30) | st.floats(-10, 10)


@st.composite
def sent(draw: Any, scene: Scene) -> Vectors:
    """Draw what the faulty sites send, (f, d), who know all that the others sent."""
    c, spread = scene.c, scene.honest.std(axis=0)
    by = draw(st.floats(-4, 4) | st.sampled_from([-1.0, 0.0, 1e3, -1e3, 1e12, 1e30]))
    one = draw(
        st.sampled_from(
            [
                by * c,  # turned or stretched
                c + by * spread,  # just within, or beyond, what looks honest
                c + by * scene.s * np.eye(D)[0],
                scene.honest[0] + by * (scene.honest[0] - c),
                np.asarray(draw(st.lists(NUMBERS, min_size=D, max_size=D))),
            ]
        )
    )
    each = draw(st.sampled_from(["alike", "each", "opposite"]))
    if each == "each":
        return np.array(
            draw(st.lists(st.lists(NUMBERS, min_size=D, max_size=D), min_size=scene.f, max_size=scene.f))
        )
    signs = [(-1.0) ** i if each == "opposite" else 1.0 for i in range(scene.f)]
    return np.array([c + sign * (one - c) for sign in signs])


def worst(name: str, f: int, examples: int) -> float:
    """Return the greatest share of the bound that Hypothesis could make a rule use up."""
    bound, found = BOUNDS[name], [0.0]
    n, rule = bound.least(f), bound.make(f)

    @seed(11)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def look(data: Any) -> None:
        scene = data.draw(scenes(n, f))
        changes = np.concatenate([scene.honest, data.draw(sent(scene))])
        order = data.draw(st.permutations(range(n)))
        share = bound.used(server(rule, changes[list(order)]), scene)
        found.append(share)
        target(min(share, 1e6))

    look()
    return max(found)


def oracle(name: str) -> float:
    """Return how far a rule is from its oracle, relative to the largest entry."""
    make, slow = RULES[name]
    away = 0.0
    for n, f, drift in [(5, 1, 0.0), (11, 2, 1.0), (15, 3, 50.0)]:
        rng = np.random.default_rng(n)
        changes = drift * rng.normal(size=3000) + rng.normal(size=(n, 3000))
        changes[:f] = -30 * changes[:f] + 1e3
        rule = make(f)
        wanted = slow(changes, rule.tolerated(n))
        away = max(away, float(np.abs(server(rule, changes) - wanted).max() / np.abs(wanted).max()))
    return away


def left(f: int) -> Iterator[tuple[str, float]]:
    """Yield how many honest spreads FedAvg's output is from the honest mean, by attack."""
    rng = np.random.default_rng(1)
    scene = Scene(100 * rng.normal(size=D) + rng.normal(size=(f + 3, D)), 2 * f + 3, f)
    for attack, by in (("sign flip", -1.0), ("scaling by 100", 100.0)):
        changes = np.concatenate([scene.honest, np.repeat(by * scene.c[None], f, axis=0)])
        yield attack, float(np.linalg.norm(averaged(changes) - scene.c)) / krums(scene)


def main() -> int:
    """Check all, print a line for each, return 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=300, help="of Hypothesis, for each rule and f")
    parser.add_argument("--only", default="", help="rules whose name holds this word")
    chosen = parser.parse_args()
    failed = 0
    for name in (each for each in RULES if chosen.only in each):
        away = oracle(name)
        fine = away <= TOLERANCE.get(name, 1e-9)
        failed += not fine
        print(f"{'ok  ' if fine else 'FAIL'} {name:<24} differs from its oracle by {away:.1e}", flush=True)
    for name, bound in ((n, b) for n, b in BOUNDS.items() if chosen.only in n):
        shares = {f: worst(name, f, chosen.examples) for f in (1, 2, 4)}
        fine = max(shares.values()) <= 1.0 + 1e-6
        failed += not fine
        told = ", ".join(f"f={f} of n={bound.least(f)}: {share:.2f}" for f, share in shares.items())
        print(
            f"{'ok  ' if fine else 'FAIL'} {name:<24} share of its bound used: {told}  ({bound.said})",
            flush=True,
        )
    for f in (1, 3):
        for attack, share in left(f):
            failed += share <= 1.0
            word = "ok  " if share > 1.0 else "FAIL"
            print(
                f"{word} fedavg leaves Krum's bound under {attack}, f={f} of n={2 * f + 3}: {share:.1f} of it"
            )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
