"""Sites' steps side by side: who can be stacked with whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any

from isofed.client import stacked_batch, stacked_optimiser
from isofed.client.epoch import Step, steps_of
from isofed.client.stacked_terms import Work
from isofed.client.workshop import Workshop


class Uneven(Exception):
    """Sites whose first steps were alike take steps that are not."""


@dataclass(frozen=True, eq=False)
class Fed:
    """A site's step, the parts of its batch, and what it must share with others to be taken with them."""

    step: Step
    parts: list[Any]
    kind: Any

    @classmethod
    def of(cls, step: Step) -> "Fed":
        """Look at a step."""
        parts = stacked_batch.parts(step.batch)
        kind = stacked_batch.form(step.batch), stacked_batch.signature(parts)
        return cls(step, parts, (step.phase, step.done, kind))


Stream = Iterator[Fed]


def keeps(shop: Workshop) -> bool:
    """Return whether sites remember their optimiser's state."""
    return bool(shop.setting.task.training.keeps_optimiser(shop.setting.options))


def grouped(shop: Workshop, works: Sequence[Work]) -> list[tuple[list[int], list[Stream]]]:
    """Return the sites whose steps are alike, as far as the first two tell, with their steps."""
    groups: dict[Any, tuple[list[int], list[Stream]]] = {}
    for row, work in enumerate(works):
        steps = map(Fed.of, steps_of(shop, work.place, work.order))
        first = list(islice(steps, 2))
        state: Any = work.memory.get("optimiser") if keeps(shop) else None
        key = (work.order.round, shop.classes(work.place), stacked_optimiser.kind_of(state))
        # the second step's share of the round is one over the number of steps
        rows, streams = groups.setdefault((key, *(fed.kind for fed in first)), ([], []))
        rows.append(row)
        streams.append(chain(first, steps))
    return list(groups.values())


def in_turn(streams: Sequence[Stream]) -> Iterator[tuple[Fed, ...]]:
    """Yield the sites' steps side by side for as long as they are alike."""
    for taken in zip_longest(*streams):
        kinds = [fed and fed.kind for fed in taken]
        if any(kind != kinds[0] for kind in kinds):
            raise Uneven
        yield taken
