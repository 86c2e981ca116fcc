"""What a process did before changes no bit: other sites served, models measured, or nothing at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import World

from isofed.client.own import measure
from isofed.client.place import Place
from isofed.client.train import train
from isofed.client.workshop import Workshop
from isofed.records import Order, Report
from isofed.server.rounds import training_round
from isofed.simulations.federation import first_state
from isofed.trees import hash_arrays

Worlds = Callable[[str], World]
SITES = ["cam1", "cam2"]
MIXED = """
from isofed.strategies.adapters import adapters
from isofed.strategies.local.mixture import mixture
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import uniform_mean

def mixed():
    return Recipe(rule=uniform_mean, local=(mixture(0.3),), share=adapters(2, 2.0))
"""


def served(cfg: str, place: Callable[[str], Place], shared: bool) -> list[Any]:
    """Train both sites for two rounds, measuring after each training; return a digest of all that came of it.

    Args:
        shared: one workshop for everything, or a fresh one for every call.
    """
    one, found = Workshop.of(cfg), list[Any]()
    shop: Callable[[], Workshop] = lambda: one if shared else Workshop.of(cfg)  # noqa: E731
    state = first_state(one)
    memory: dict[str, Any] = {site: {} for site in SITES}

    def answer(site: str, order: Order) -> Report:
        trained = train(shop(), place(site), order, memory[site], f"{order.round}.1")
        memory[site] = trained.sections
        found.append({name: hash_arrays(section.items()) for name, section in memory[site].items()})
        found.extend(measure(shop(), place(each), order, memory[each]) for each in SITES)
        return trained.report

    for _ in range(2):
        round = training_round(state, one.setting, SITES, 1, len(SITES))
        asks = next(round)
        with pytest.raises(StopIteration) as end:
            round.send([[(ask.site, answer(ask.site, ask.order)) for ask in asks]])
        state = end.value.value.state
        found.append({name: hash_arrays(tree.items()) for name, tree in state.trees.items()})
    return [*found, Workshop.of(cfg).setting.digest]


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("strategy", ["fedbn", "fedbabu", "apfl", "mixed", "moon", "l2rwplus"])
def test_a_process_that_served_others_serves_as_a_fresh_one(
    strategy: str, strict: bool, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds("reid").strict if strict else worlds("reid")
    (tmp_path / "mixed.py").write_text(MIXED)
    name = f"{tmp_path / 'mixed.py'}:mixed" if strategy == "mixed" else strategy
    cfg = json.dumps({**world.cfg({"name": name}), "holdout": 0.25})

    def place(site: str) -> Place:
        agreed = Place(site, world.root, tmp_path / site, tmp_path, world.protocol["name"], 2, simulated=3)
        return replace(agreed, centres="with_rows") if strict else agreed

    assert served(cfg, place, shared=True) == served(cfg, place, shared=False)
