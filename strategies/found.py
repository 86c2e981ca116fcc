"""Strategies by name: ours, an installed package's, or a function in a file of the user's own."""

import functools
import importlib.util
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from isofed.errors import CompositionError, ConfigError, IsofedError
from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Recipe, called
from isofed.strategies.stock import PREFIX, flowers, trees
from isofed.suggest import hint

GROUP = "isofed.strategies"
MARK = ".py:"


def is_file(name: str) -> bool:
    """Return whether a name is that of a function in a file, ``path/to/mine.py:recipe``."""
    return MARK in name


@functools.cache
def entry_points(group: str) -> tuple[metadata.EntryPoint, ...]:
    """Return what installed packages give under a group's name; they are looked through once."""
    return tuple(metadata.entry_points(group=group))


def available(name: object = None) -> dict[str, Callable[..., Recipe]]:
    """Return every strategy by name: ours, those of installed packages, and the one in a file, or Flower's
    own, if ``name`` is of such a form.

    Raises:
        ConfigError: see :func:`from_file`.
    """
    found: dict[str, Callable[..., Recipe]] = dict(STRATEGIES)
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, _checked(point.name, point.load()))
    if isinstance(name, str) and name.endswith(".py"):
        raise ConfigError(f"'{name}' names no function of the file; write strategy={name}:my_recipe")
    if isinstance(name, str) and is_file(name):
        found[name] = _checked(name, from_file(name))
    if isinstance(name, str) and name.startswith(PREFIX):
        found |= flowers() | (trees() if name in trees() else {})
    return found


def from_file(name: str) -> Callable[..., Any]:
    """Return the function ``recipe`` of ``path/to/mine.py:recipe``; the file is run to get it.

    Raises:
        ConfigError: there is no such file or function, or the file cannot be run.
    """
    path, _, function = name.rpartition(":")
    file = Path(path).expanduser()
    if not file.is_file():
        raise ConfigError(f"'{path}' is no file; write strategy=path/to/mine.py:my_recipe")
    spec = importlib.util.spec_from_file_location(f"isofed_own_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"'{path}' cannot be run: {type(error).__name__}: {error}") from error
    if not callable(getattr(module, function, None)):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ConfigError(f"'{path}' has no function '{function}'{hint(function, known)}")
    made: Callable[..., Any] = getattr(module, function)
    return made


def _checked(name: str, make: Callable[..., Any]) -> Callable[..., Recipe]:
    """Return ``make`` with its signature, refusing what is no recipe when it is called."""

    @functools.wraps(make)
    def recipe(*args: Any, **options: Any) -> Recipe:
        try:
            made = called(make)(*args, **options)
        except CompositionError as error:  # the recipe does not know yet what it is called
            raise CompositionError(str(error).replace("'a recipe'", f"'{name}'")) from None
        except IsofedError:
            raise
        except Exception as error:
            raise ConfigError(f"'{name}' cannot be made: {type(error).__name__}: {error}") from error
        return made

    return recipe
