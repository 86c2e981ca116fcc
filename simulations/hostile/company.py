"""A federation's hostile sites: who they are, what they are told, and the grid that changes their replies."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flwr.serverapp import Grid

from isofed.simulations.hostile.attacks import read_attack
from isofed.simulations.hostile.grid import HostileGrid

Given = Mapping[str, Any] | None  # the attack group


def hostile(given: Given, seed: int, sites: Sequence[str]) -> tuple[str, ...]:
    """Return the sites that attack, in the order of their names."""
    attack = read_attack(given or {})
    return attack.hostile(seed, sites) if attack else ()


def poison(given: Given) -> dict[str, str | int]:
    """Return what a hostile site's node is told of its samples; see client/poisoned.py."""
    attack = read_attack(given or {})
    return {"poison": json.dumps(dict(attack.poison))} if attack and attack.poison else {}


def beset(
    grid: Grid,
    given: Given,
    names: Sequence[str],
    numbers: Mapping[str, int],
    name: Callable[[int], str] | None,
    seed: int,
) -> Grid:
    """Return a grid on which hostile sites answer as their attack says; the same one where nobody attacks.

    Args:
        grid: any of Flower's.
        given: the ``attack`` group.
        names: of the hostile sites.
        numbers: of all sites, by name.
        name: a number to a name, where they are too many to be listed; or None.
        seed: of the run.
    """
    attack = read_attack(given or {})
    if attack is None:
        return grid
    own = {numbers[each]: each for each in names}
    listed = {} if name else {number: each for each, number in numbers.items()}
    return HostileGrid(grid, attack, own, name or listed.__getitem__, seed)
