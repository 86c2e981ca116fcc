"""Options of an experiment: range and meaning stand beside the default, and ``KEY=VALUE`` sets one."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from isofed.config import read, within
from isofed.errors import ConfigError

T = TypeVar("T")


def said(default: Any, what: str, low: float | None = None, high: float = 1e9) -> Any:
    """Return a dataclass field: its default, its meaning, and from ``low`` to ``high`` its range."""
    return field(default=default, metadata={"what": what, "range": None if low is None else (low, high)})


def ranges(options: Any) -> None:
    """Raise ConfigError where a field of ``options`` lies outside its range."""
    for each in fields(options):
        if each.metadata["range"]:
            within(each.name, getattr(options, each.name), *each.metadata["range"])


def chosen(schema: type[T], words: Sequence[str]) -> T:
    """Return the options that ``KEY=VALUE`` words set.

    Raises:
        ConfigError: a word without ``=``, an unknown key, a value of another type or outside its range.
    """
    for word in words:
        if "=" not in word or word.startswith("="):
            raise ConfigError(f"'{word}' sets nothing; write KEY=VALUE")
    try:
        values: Any = OmegaConf.to_container(OmegaConf.from_dotlist(list(words)))
    except (OmegaConfBaseException, ValueError):
        raise ConfigError(f"'{' '.join(words)}' cannot be read; write KEY=VALUE KEY=VALUE") from None
    # KEY= with nothing behind it is an empty text
    return read(schema, {key: "" if value is None else value for key, value in values.items()}, "")


def as_command(name: str, options: Mapping[str, Any]) -> str:
    """Return the command that sets options, but for the number of processes, as it is written in a shell."""
    words = [f"{key}={value}" for key, value in options.items() if key != "workers"]
    return shlex.join(["isofed", "experiment", name, *words])


def listed(schema: Any) -> Iterable[str]:
    """Yield a line for each option: its name and default, and what it means."""
    shown = [(f"{each.name}={each.default}", each.metadata["what"]) for each in fields(schema)]
    width = max(len(word) for word, _ in shown)
    return (f"  {word:<{width}}  {what}" for word, what in shown)
