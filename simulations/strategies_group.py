"""The config group ``strategy``: what can be chosen and set is what the functions' own signatures say."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from isofed.strategies.found import available

GROUP = "strategy"
OWN = "own"  # stands for a strategy that is no option of the group; nobody chooses it by name
PLAIN = (bool, int, float, str)  # what a run's configuration can hold


def register() -> None:
    """Hand the group to Hydra; to be called before it composes, as often as one likes."""
    store = ConfigStore.instance()
    for name, values in {**strategy_options(), OWN: {"name": OWN}}.items():
        store.store(name, values, group=GROUP)


def strategy_options() -> dict[str, dict[str, Any]]:
    """Return every option of the group with its keys: ``name``, and what can be set, with the defaults.

    A name that Hydra could read otherwise, one with a dot for example, is no option: such a strategy is set
    by its name, as one in a file is.
    """
    named = {name: make for name, make in available().items() if re.fullmatch(r"[\w-]+", name)}
    return {name: {"name": name, **defaults(make)} for name, make in sorted(named.items())}


def defaults(make: Callable[..., object]) -> dict[str, Any]:
    """Return what can be set of a strategy with the defaults; ``???`` where there is none.

    A parameter whose default is neither true or false, a number nor a text cannot be set and is left out.
    """
    given = {key: found.default for key, found in inspect.signature(make).parameters.items()}
    given = {key: MISSING if value is inspect.Parameter.empty else value for key, value in given.items()}
    return {key: value for key, value in given.items() if type(value) in PLAIN}


def without_missing(values: dict[str, Any]) -> dict[str, Any]:
    """Return a group without the keys that have no value yet, so that whoever needs them says so."""
    return {key: value for key, value in values.items() if value != MISSING}
