"""What is done to an update on its way out: steps of a client half and a server half, checked together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import numpy as np

from isofed.contracts import Contract, TreeContract
from isofed.errors import CompositionError
from isofed.protocols.joint import MODEL, changes, join, moves, narrowed, of_reals, reals, sent, split
from isofed.protocols.misfits import refuse_misfits
from isofed.protocols.step import CHANGES, INTEGERS, REALS, STATISTICS, Half, Promise, Step, Use
from isofed.records import Channel, Delta, Report
from isofed.seeds import Secrets
from isofed.trees import Tree


@dataclass(frozen=True)
class Pipeline:
    """Steps in the order in which a site takes them; the server takes its halves in reverse.

    Without steps a report leaves as it is: the model's values, not its changes.

    Raises:
        CompositionError: steps that make no sense in this order.
    """

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        _check(self._on())
        _check(self._on(STATISTICS))
        if self.releases and not any(step.hides for step in self._on()):
            raise CompositionError(
                f"'{self._on(STATISTICS)[0].call}' hides running statistics, but no step hides the model "
                "beside them; put gaussian(noise) or tree(noise) before it"
            )

    @property
    def bound(self) -> float | None:
        """C, which no update's norm exceeds, or None."""
        return next((step.bounds for step in self._on() if step.bounds is not None), None)

    def bound_of(self, kept: Mapping[str, Any]) -> float | None:
        """Return C of a round, from what was kept of the rounds before."""
        return float(kept["bound"]) if "bound" in kept else self.bound

    @property
    def promise(self) -> Promise | None:
        """How far all of it hides a site: one Gaussian of noise (Σ z_i⁻²)^(-1/2), or None."""
        made = [step.promise for step in self.steps if step.promise is not None]
        if not made:
            return None
        return replace(made[-1], noise=sum(each.noise**-2 for each in made) ** -0.5)

    @property
    def releases(self) -> bool:
        """Whether running statistics leave as changes, with a bound and noise of their own."""
        return bool(self._on(STATISTICS))

    @property
    def draws_on_the_sum(self) -> bool:
        """Whether the server needs secrets of its own."""
        return any(step.total for step in self.steps)

    def on(self, recipe: Any, level: Any, task: Any, options: Any) -> Any:
        """Return the recipe with these steps, after everything that speaks against them there.

        A recipe may bring its own; then the run has none.

        Raises:
            CompositionError: see protocols/misfits.py.
        """
        if self.steps and recipe.privacy:
            raise CompositionError(
                f"strategy '{recipe.call}' brings privacy steps of its own; write privacy=none"
            )
        whole = self if self.steps else Pipeline(tuple(recipe.privacy))
        refuse_misfits(whole.steps, recipe, level, task, options)
        return replace(recipe, privacy=whole.steps)

    def drawing(self, secrets: Secrets | None) -> "Pipeline":
        """Return this pipeline for a server with these secrets.

        Raises:
            CompositionError: it draws on the sum, and the server has none.
        """
        if self.draws_on_the_sum and secrets is None:
            calls = ", ".join(f"'{step.call}'" for step in self.steps if step.total)
            raise CompositionError(f"{calls} draws secret numbers at the server; give the server secrets")
        return self

    def leaving(self, report: Report, start: Tree, use: Use, statistics: Tree | None = None) -> Report:
        """Return a site's report as it leaves: changes instead of a model, after every client half.

        Args:
            report: after training, its meaning checked.
            start: the model of the order.
            use: with the site's secrets.
            statistics: running statistics of the order, where they leave as changes.
        """
        if not self.steps:
            return report
        trees = changes(report.channels, start)
        vector = self._through(join(trees), (step.client for step in self._on()), use)
        made: dict[str, Channel] = {n: Delta(self._narrow(tree)) for n, tree in split(vector, trees).items()}
        if self.releases:
            assert statistics is not None
            moved = moves(report.channels[STATISTICS], statistics)
            vector = self._through(reals(moved), (step.client for step in self._on(STATISTICS)), use)
            made[STATISTICS] = Delta(narrowed(of_reals(vector, moved)))
        return replace(report, channels={**report.channels, **made})

    def opened(self, report: Report, use: Use) -> Report:
        """Return a report as the server adds it up: changes in float64, after every server half."""
        if not self.steps:
            return report
        trees = sent(report.channels)
        statistics = trees.pop(STATISTICS, None)
        vector = join(trees)
        noted = self._noted(vector, use)
        vector = self._through(vector, (step.server for step in reversed(self._on())), use)
        made = {name: Delta(tree) for name, tree in split(vector.astype(np.float64), trees).items()}
        if statistics is not None:
            halves = (step.server for step in reversed(self._on(STATISTICS)))
            vector = self._through(reals(statistics).astype(np.float64), halves, use)
            made[STATISTICS] = Delta(of_reals(vector, statistics))
        return replace(report, channels={**report.channels, **made}, scalars={**report.scalars, **noted})

    def summed(self, trees: Mapping[str, Tree], use: Use) -> Mapping[str, Tree]:
        """Return the round's sums of changes, in float64, after what is done to sums.

        Args:
            trees: by channel, the model's among them, and running statistics' where they are changes.
            use: with the server's secrets.
        """
        if not self.draws_on_the_sum:
            return trees
        joint, statistics = _parted(trees)
        vector = self._through(join(joint), (step.total for step in reversed(self._on())), use)
        found = split(vector, joint)
        if statistics is not None:
            halves = (step.total for step in reversed(self._on(STATISTICS)))
            found[STATISTICS] = of_reals(self._through(reals(statistics), halves, use), statistics)
        return found

    def kept(self, trees: Mapping[str, Tree], use: Use) -> Mapping[str, Any]:
        """Return what the steps keep for the next round, JSON values.

        Args:
            trees: the sums as in :meth:`summed`, before it.
            use: likewise, with what was heard.
        """
        if not any(step.keep for step in self.steps):
            return {}
        joint, statistics = _parted(trees)
        use, sums = replace(use, bound=self.bound_of(use.kept)), {CHANGES: join(joint)}
        if statistics is not None:
            sums[STATISTICS] = reals(statistics)
        steps = [(step.keep, sums[step.part]) for step in self.steps if step.keep and step.part in sums]
        return {key: value for keep, total in steps for key, value in keep(total, use).items()}

    def outside(self, contract: Contract) -> Contract:
        """Return the contract of what leaves: the same meanings in the form that the last step gives them.

        Raises:
            CompositionError: something would leave that the steps do not reach.
        """
        if not self.steps:
            return contract
        self._covered(contract)
        held = self._last.wire
        channels = {
            name: replace(agreed, kind="delta", held=held) if _is_change(agreed, name) else agreed
            for name, agreed in contract.channels.items()
        }
        if self.releases:
            statistics: Any = contract.channels[STATISTICS]
            channels[STATISTICS] = replace(statistics, kind="delta")
        return replace(contract, channels=channels)

    def _covered(self, contract: Contract) -> None:
        for name, agreed in contract.channels.items():
            whole = [d for d in agreed.layout.sizes if "float" not in d] if _is_change(agreed, name) else []
            if whole:
                raise CompositionError(
                    f"'{self.steps[0].call}' works on real numbers, but channel '{name}' holds {whole[0]}; "
                    "keep such parameters at the sites, or write privacy=none"
                )
        statistics: Any = contract.channels.get(STATISTICS)
        for step in self.steps if statistics is not None and statistics.layout.leaves else ():
            if step.hides and not self.releases:
                raise CompositionError(
                    f"'{step.call}' hides nothing in running statistics, but the model's leave beside it; "
                    "keep them at the sites with strategy=fedbn strategy.weights=equal, or write "
                    "privacy.buffers=released"
                )

    def _on(self, part: str = CHANGES) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.part == part)

    @property
    def _last(self) -> Step:
        """The last of the steps on the model, whose form is that of what leaves."""
        return self._on()[-1]

    def _through(self, vector: np.ndarray, halves: Iterable[Half | None], use: Use) -> np.ndarray:
        use = replace(use, bound=self.bound_of(use.kept))
        for half in halves:
            vector = half(vector, use) if half else vector
        return vector

    def _noted(self, vector: np.ndarray, use: Use) -> dict[str, float]:
        use = replace(use, bound=self.bound_of(use.kept))
        return {k: v for step in self._on() if step.note for k, v in step.note(vector, use).items()}

    def _narrow(self, tree: Tree) -> Tree:
        return tree if self._last.gives == INTEGERS else narrowed(tree)


def _parted(trees: Mapping[str, Tree]) -> tuple[dict[str, Tree], Tree | None]:
    """Return changes in the order of names, and those of running statistics by themselves."""
    joint = dict(sorted(trees.items()))
    return joint, joint.pop(STATISTICS, None)


def _is_change(agreed: Any, name: str) -> TypeGuard[TreeContract]:
    return isinstance(agreed, TreeContract) and (name == MODEL or agreed.kind == "delta")


def _check(steps: tuple[Step, ...]) -> None:
    """Raise CompositionError unless every step gets what it takes and needs, and none stands there twice."""
    before: list[Step] = []
    for step in steps:
        for other in before:
            if step.name == other.name or None not in (step.bounds, other.bounds):
                raise CompositionError(
                    f"the privacy steps hold both '{other.call}' and '{step.call}'; leave one out"
                )
        given = before[-1].gives if before else REALS
        if step.takes != given:
            last = f"'{before[-1].call}' before it" if before else "an update"
            raise CompositionError(
                f"'{step.call}' takes {step.takes}, but {last} gives {given}; "
                + ("put it before that step" if given == INTEGERS else "put quantise(bits) before it")
            )
        loose = next((other for other in before if not other.settles), None)
        if loose and step.client:
            raise CompositionError(
                f"'{step.call}' works at the sites, but '{loose.call}' bounds updates at the server "
                "alone; put clip(norm) in its place"
            )
        if step.needs_bound and all(other.bounds is None for other in before):
            raise CompositionError(
                f"'{step.call}' needs a bound on every update, which no step before it sets; put clip(norm) "
                "before it"
            )
        before.append(step)
