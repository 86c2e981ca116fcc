"""Models whose memory leaves with the report, as those of a megabyte do: the bits of models copied."""

import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World

from isofed import room
from isofed.client import workshop
from isofed.client.workshop import Workshop
from isofed.server import folded
from isofed.simulations import crew
from isofed.simulations.federation import run
from isofed.simulations.pool import Pool

Worlds = Callable[[str], World]


@contextmanager
def given_away() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workshop, "COPIED", 0)
        patch.setattr(room, "LARGE", 0)
        yield


def end(world: World, folder: Path, strategy: str, **more: Any) -> tuple[str, Any]:
    result = run(world.federation(folder, {"name": strategy}, rounds=2, **more), Pool(1))
    return result["weights_sha256"], [entry["metrics"] for entry in result["history"]]


@pytest.mark.parametrize(
    "task, strategy",
    [
        *(("two_outputs", name) for name in ("fedavg", "ditto", "feddyn")),
        *(("reid", name) for name in ("dppt", "moon")),
    ],
)
def test_what_is_given_away_has_the_bits_of_what_is_copied(
    task: str, strategy: str, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds(task)
    copied = end(world, tmp_path / "a", strategy)
    with given_away():
        assert end(world, tmp_path / "b", strategy) == copied


def test_no_report_is_held_while_the_next_site_trains(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, alive = list[Any](), list[int]()
    give, load = Workshop.give, Workshop.load

    def giving(shop: Workshop, group: str, lend: bool = False) -> Any:
        tree = give(shop, group, lend)
        given.append(weakref.ref(tree.buffers["float32"]))
        return tree

    def loading(shop: Workshop, group: str, tree: Any) -> None:
        alive.append(sum(one() is not None for one in given))
        load(shop, group, tree)

    monkeypatch.setattr(Workshop, "give", giving)
    monkeypatch.setattr(Workshop, "load", loading)
    # as large ones are: answered one by one, and folded at once
    monkeypatch.setattr(crew, "MOST", 1)
    monkeypatch.setattr(folded, "SMALL", 0)
    with given_away():
        end(worlds("reid"), tmp_path, "fedavg")
    assert len(given) == 2 * 6 * 2 and set(alive) == {0}


def test_a_model_is_used_again_only_when_it_is_loaded(worlds: Worlds) -> None:
    shop = Workshop.of(json.dumps(worlds("reid").cfg({"name": "fedavg"})))
    first = {group: tree.numpy() for group, tree in shop.trees.items()}
    with given_away():
        mine = shop.give("model")
        (parameter, *_) = shop.parameters.values()
        assert parameter.untyped_storage().nbytes() == parameter.element_size()
        shop.whole()
        assert all(np.array_equal(shop.trees[g][n].numpy(), first[g][n]) for g in first for n in first[g])
        shop.load("model", mine.map(lambda buffer: buffer + 1.0))
    assert all(np.array_equal(mine[name], first["model"][name]) for name in mine)
