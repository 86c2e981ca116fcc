#!/usr/bin/env python3
"""Each robust rule equals a slow oracle, and bears as many faulty sites as it says, whatever these send.

    python tests/acceptance/issue_11/rules.py [--examples N] [--only WORD]

First the oracle: drawn changes of several thousand numbers, the rule as the server plays it, and the rule
written out on whole vectors in float64. Then the bound: n is the least number of sites that the rule allows
for f faulty ones. Hypothesis chooses what the f send, having seen the others: numbers up to 1e30, honest
changes turned, stretched, copied or pushed to the edge of what looks honest, all alike or each its own, and
is told how far the output came from the honest mean, so that it looks for worse. Then every attack that can
be simulated, by its name, with several numbers, on a hundred scenes. All that stays within the multiple of
the honest spread that docs/robust.md states; FLTrust, with a change of the server's own, within the multiple
of that one. FedAvg's mean leaves every one of these bounds, under a sign flip and under scaling.
Prints a line for each; exits with 1 where one fails.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "strategies" / "robust"))

from robust_oracles import RULES, slow_fltrust
from scenes import BOUNDS, WAYS, attacks, crafted, drawn, left, scenes, sent, server

from isofed.strategies.robust.trust import fltrust

TOLERANCE = {"rfa": 1e-6}  # of the oracle, relative to the largest entry; else 1e-9
FAULTY = (1, 2, 4)
SCENES = 25  # for each way


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
        share = bound.used(server(rule, changes[list(order)], scene.root), scene)
        found.append(share)
        target(min(share, 1e6))

    look()
    return max(found)


def oracles() -> Iterator[tuple[str, float]]:
    """Yield how far each rule is from its oracle, relative to the largest entry."""
    for name, (make, slow) in RULES.items():
        away = 0.0
        for changes, _, f in played():
            rule = make(f)
            away = max(away, apart(server(rule, changes), slow(changes, rule.tolerated(len(changes)))))
        yield name, away
    found = (apart(server(fltrust(), x, root), slow_fltrust(x, root)) for x, root, _ in played())
    yield "fltrust", max(found)


def played() -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Yield changes (n, d) of which some are far off, one of the server's own, and how many are."""
    for n, f, drift in [(5, 1, 0.0), (11, 2, 1.0), (15, 3, 50.0)]:
        rng = np.random.default_rng(n)
        way = drift * rng.normal(size=3000)
        changes = way + rng.normal(size=(n, 3000))
        changes[:f] = -30 * changes[:f] + 1e3
        yield changes, way + rng.normal(size=3000), f


def apart(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the greatest difference, relative to the largest entry."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def by_name(name: str, f: int, seeds: int) -> tuple[float, str]:
    """Return the greatest share of a rule's bound that a named attack uses up, and which."""
    bound, worst_of = BOUNDS[name], (0.0, "")
    rule, n = bound.make(f), bound.least(f)
    for said, attack in attacks():
        for number in range(seeds):
            for way in WAYS:
                scene = drawn(number, way, n, f)
                changes = np.concatenate([crafted(scene, attack, number), scene.honest])
                share = bound.used(server(rule, changes, scene.root), scene)
                worst_of = max(worst_of, (share, said))
    return worst_of


def main() -> int:
    """Check all, print a line for each, return 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=300, help="of Hypothesis, for each rule and f")
    parser.add_argument("--only", default="", help="rules whose name holds this word")
    chosen = parser.parse_args()
    failed = 0

    def told(fine: bool, line: str) -> None:
        nonlocal failed
        failed += not fine
        print(f"{'ok  ' if fine else 'FAIL'} {line}", flush=True)

    for name, away in oracles():
        if chosen.only in name:
            told(away <= TOLERANCE.get(name, 1e-9), f"{name:<24} differs from its oracle by {away:.1e}")
    for name, bound in ((n, b) for n, b in BOUNDS.items() if chosen.only in n):
        shares = {f: worst(name, f, chosen.examples) for f in FAULTY}
        each = ", ".join(f"f={f} of n={bound.least(f)}: {share:.2f}" for f, share in shares.items())
        told(
            max(shares.values()) <= 1.0 + 1e-6, f"{name:<24} uses of its bound at most {each}  ({bound.said})"
        )
        share, said = max(by_name(name, f, SCENES) for f in FAULTY)
        told(share <= 1.0 + 1e-6, f"{name:<24} under every attack by name at most {share:.2f}, by {said}")
        for said, share in left(bound, 1):
            told(share > 1.0, f"{'fedavg':<24} leaves {name}'s bound under {said}: {share:.1f} of it")
    print(f"{failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
