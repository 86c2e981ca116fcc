"""What stands behind ``isofed simulate``, looked at before Hydra does: options, KEY=VALUE, sweeps."""

import os
from collections.abc import Iterator
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from isofed.errors import ConfigError
from isofed.simulations.refusals import bad_override, no_option, options
from isofed.strategies.found import available
from isofed.suggest import unknown

SWEEP = ("--multirun", "-m")
SHOW = ("--cfg", "-c", "--info", "-i", "--hydra-help")
CHOICE, SHOWN = ("--cfg", "-c"), ("job", "hydra", "all")
STRATEGY = "strategy="
HOMES = ("hydra.run.dir=~", "hydra.sweep.dir=~")
# an empty one would be the folder where one stands, or as if it were not written
PLACES = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "data.root", "public.root", "weights")
OPTIONS = (*SWEEP, *SHOW, "--resolve", "-r", "--package", "-p", "--resume", "--help", "-h")


def own_strategy(argv: list[str]) -> list[str]:
    """Return the words as Hydra takes them where they name a strategy that is no option of its group.

    ``strategy=mine.py:my_recipe strategy.mu=0.1`` becomes ``strategy=own strategy.name='mine.py:my_recipe'
    +strategy.mu=0.1``: what such a function takes is known only once it is made. So do all strategies of a
    sweep of which one is such.
    """
    chosen = [word for word in argv if word.startswith(STRATEGY)]
    names = chosen[-1].removeprefix(STRATEGY).split(",") if chosen else []
    if not any(_is_own(name) for name in names):
        return argv
    rest = [word for word in argv if not word.startswith(STRATEGY)]
    return [
        *(f"+{word}" if word.startswith("strategy.") else word for word in rest),
        f"{STRATEGY}own",
        "strategy.name=" + ",".join(f"'{name}'" for name in names),
    ]


def _is_own(name: str) -> bool:
    # a name with a dot is never an option, so a misspelt one is told of where strategies are looked up
    return name not in options("strategy") and ("." in name or name in available())


def from_home(argv: list[str]) -> list[str]:
    """Return the words with a leading ``~`` of a run's folder as a shell would have written it: behind a key
    with dots it does not, and Hydra would make a folder of that name."""
    return [_from_home(word) if word.startswith(HOMES) else word for word in argv]


def _from_home(word: str) -> str:
    key, _, value = word.partition("=")
    return f"{key}={os.path.expanduser(value)}"


def options_first(argv: list[str]) -> list[str]:
    """Return the words with ``--multirun`` and ``--cfg job`` before every ``KEY=VALUE``, wherever they stood:
    Hydra takes an option between two of them for the last word."""
    first: list[str] = []
    rest: list[str] = []
    for word, before in zip(argv, ["", *argv], strict=False):
        (first if word in (*SWEEP, *CHOICE) or before in CHOICE else rest).append(word)
    return first + rest


def check_options(argv: list[str]) -> None:
    """Refuse an option that ``isofed simulate`` does not have."""
    for word, after in zip(argv, [*argv[1:], ""], strict=False):
        option = word.partition("=")[0]
        if option.startswith("-") and option not in OPTIONS:
            raise unknown("option", option, [name for name in OPTIONS if name.startswith("--")])
        if option in SHOW and set(SWEEP) & set(argv):
            raise ConfigError(f"{option} shows one run and {SWEEP[0]} makes several; leave one of them out")
        if option in CHOICE and "=" not in word and after not in SHOWN:
            raise ConfigError(f"{option} must be followed by one of: {', '.join(SHOWN)}")


def single(overrides: list[str], multirun: bool) -> Iterator[list[str]]:
    """Yield the overrides with each sweep replaced by its values in turn, the others by their last.

    Every value occurs at least once, so that a bad one is found before anything runs.

    Raises:
        ConfigError: an override cannot be read, removes a key, names no option of a group, leaves a path
            empty, or holds several values without ``--multirun``.
    """
    choices = [_values(_parsed(text), multirun) for text in overrides]
    for step in range(max([len(c) for c in choices], default=1)):
        yield [choice[min(step, len(choice) - 1)] for choice in choices]


def _parsed(text: str) -> Any:
    try:
        (override,) = OverridesParser.create().parse_overrides([text])
    except HydraException:
        override = None
    if override is None or not override.key_or_group:
        raise ConfigError(bad_override(text))
    if override.is_delete():
        raise ConfigError(f"'{text}' removes what a run needs; set a value instead: KEY=VALUE")
    if override.get_key_element().lstrip("+") in PLACES and not text.partition("=")[2].strip(" '\""):
        raise ConfigError(f"'{text}' names no folder or file; write one behind it, or leave it out")
    return override


def _values(override: Any, multirun: bool) -> list[str]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        if options(override.key_or_group) and not isinstance(override.value(), str):
            raise ConfigError(no_option(f"{override.key_or_group}/{override.value()}"))
        return [override.input_line]
    if not multirun:
        raise ConfigError(f"'{override.input_line}' holds several values; put --multirun before it")
    if not override.is_discrete_sweep():
        raise ConfigError(f"'{override.input_line}' is no list of values; write KEY=A,B,C")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
