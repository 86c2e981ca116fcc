"""What rules.py plays: honest changes, what faulty sites send, each rule's bound and the server that sums.

A bound's reason stands in docs/robust.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from hypothesis import strategies as st

from isofed.server.folded import Folded
from isofed.server.gathered import Gathered
from isofed.simulations.hostile.attacks import ATTACKS, Attack
from isofed.simulations.hostile.crafts import Sight
from isofed.strategies.robust.coordinates import median, trimmed_mean
from isofed.strategies.robust.distances import centred_clipping, norm_bounding, rfa
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.robust.selection import bulyan, krum, multi_krum
from isofed.strategies.robust.trust import fltrust
from isofed.strategies.rules import uniform_mean
from isofed.trees import Layout, Tree, from_arrays

D = 4
Vectors = np.ndarray


def server(rule: GatheringRule, changes: Vectors, root: Vectors | None = None) -> Vectors:
    """Return the direction that the server finds for models that went by ``changes`` from a start of 1.

    Args:
        rule: of the round.
        changes: (n, d).
        root: (d,), the server's own change, where the rule compares with one.
    """
    start = from_arrays({"w": np.ones(changes.shape[1])})
    kept = Gathered.of(rule, len(changes))
    for change in changes:
        kept.add({"examples": 1.0}, _model(start, change), start, nothing())
    if rule.rooted:
        kept.guide = (_model(start, root), start)
    return np.asarray(kept.direction()["w"])


def averaged(changes: Vectors) -> Vectors:
    """Return FedAvg's direction for sites of equally many examples."""
    start = from_arrays({"w": np.ones(changes.shape[1])})
    kept = Folded.of(uniform_mean, start.layout, nothing().layout)
    for change in changes:
        kept.add({"examples": 1.0}, _model(start, change), start, nothing())
    return np.asarray(kept.direction()["w"])


def _model(start: Tree, change: Any) -> Tree:
    return Tree(start.layout, {"float64": 1.0 + change})


def nothing() -> Tree:
    """Return running statistics of a model that has none."""
    return Tree(Layout.of([]), {})


@dataclass(frozen=True)
class Scene:
    """What the honest sites send: n - f changes around their mean c, none farther than s from it.

    ``root`` is what the server would train, one more such change.
    """

    honest: Vectors
    n: int
    f: int
    root: Vectors

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
        flip: the factor of a sign flip under which a mean leaves the bound.
    """

    make: Callable[[int], GatheringRule]
    least: Callable[[int], int]
    used: Callable[[Vectors, Scene], float]
    said: str
    flip: float = 1.0


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
        100.0,  # turned around it is as long as before
    ),
    "fltrust": Bound(
        lambda f: fltrust(),
        lambda f: f + 1,
        lambda out, x: float(np.linalg.norm(out - x.root) / (sqrt(2) * np.linalg.norm(x.root))),
        "√2 ‖Δ_0‖ from Δ_0, whoever is faulty",
        100.0,  # two that cancel out are no farther from Δ_0 than it is long
    ),
}


WAYS = (0.0, 1.0, 10.0, 100.0)  # spreads


@st.composite
def scenes(draw: Any, n: int, f: int) -> Scene:
    """Draw honest changes: a way that all go, from none to a hundred spreads, and each site's own."""
    seed = draw(st.integers(0, 2**32 - 1))
    return drawn(seed, draw(st.sampled_from(WAYS)), n, f)


def drawn(seed: int, way: float, n: int, f: int) -> Scene:
    """Return honest changes that go ``way`` spreads together, and each its own."""
    rng = np.random.default_rng(seed)
    common = way * rng.normal(size=D)
    return Scene(common + rng.normal(size=(n - f, D)), n, f, common + rng.normal(size=D))


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


# numbers with which each attack of simulations/hostile is played; the others with their own alone
NUMBERED: dict[str, list[dict[str, Any]]] = {
    "sign_flip": [{"factor": s, "collude": c} for s in (0.5, 1.0, 10.0, 1000.0) for c in (False, True)],
    "scaling": [{"factor": s, "collude": c} for s in (0.0, 2.0, 10.0, 1000.0) for c in (False, True)],
    "gaussian": [{"deviation": s, "collude": c} for s in (1.0, 200.0) for c in (False, True)],
    "ipm": [{"factor": s} for s in (0.1, 0.5, 1.0, 10.0, 1000.0)],
    "alie": [{"deviations": z} for z in (0.0, 0.5, 1.5, 4.0)],
    "backdoor": [{"factor": s} for s in (0.0, 1.0, 100.0)],
}


def crafted(scene: Scene, attack: Attack, seed: int) -> Vectors:
    """Return what arrives of the faulty sites, (f, d), or (0, d) where the server refuses it.

    Who trains on other labels goes another way, as long as that of the honest.
    """
    rng = np.random.default_rng(seed)
    others = rng.normal(size=D) if attack.poison else scene.c
    own = others * np.linalg.norm(scene.c) / np.linalg.norm(others) + rng.normal(size=(scene.f, D))
    craft = attack.craft or (lambda sight: sight.own)
    mine = np.repeat(own.mean(axis=0)[None], scene.f, axis=0) if attack.together else own
    found = []
    for place, each in enumerate(mine):
        chance = np.random.default_rng(seed + (0 if attack.together else place))
        found.append(craft(Sight(each, scene.honest, scene.n, scene.f, chance)))
    sent = np.array(found)
    # arrays that lack numbers, NaN and infinity never come to a rule
    return sent[:0] if attack.spoilt or not np.isfinite(sent).all() else sent


def attacks() -> Iterator[tuple[str, Attack]]:
    """Yield every attack that can be simulated, with each of its numbers."""
    for name, make in ATTACKS.items():
        for numbers in NUMBERED.get(name, [{}]):
            said = ", ".join(f"{key} {value}" for key, value in numbers.items())
            yield f"{name} ({said})" if said else name, make(**numbers)


def left(bound: Bound, f: int) -> Iterator[tuple[str, float]]:
    """Yield the share of a bound that FedAvg uses up, by attack, where honest sites go a hundred spreads."""
    scene = drawn(1, 100.0, max(bound.least(f), 2 * f + 1), f)
    for attack, by in ((f"sign flip by {bound.flip:g}", -bound.flip), ("scaling by 100", 100.0)):
        changes = np.concatenate([scene.honest, np.repeat(by * scene.c[None], f, axis=0)])
        yield attack, bound.used(averaged(changes), scene)
